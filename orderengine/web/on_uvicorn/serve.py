"""Serves the application by uvicorn, with the arguments that daphne takes."""

import argparse
import asyncio
import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import uvicorn

from orderengine.web.bounds import IDLE_S, connections
from orderengine.web.frames import MAX_FRAME_BYTES
from orderengine.web.on_uvicorn.http import CONNECTION, BoundedHttp
from orderengine.web.on_uvicorn.websocket import BoundedSocket
from orderengine.web.pieces import BODY, send_in_pieces

PING_S, PONG_S = 20.0, 30.0
SHUTDOWN_S = 2


class InPieces:
    """An application whose answers leave in pieces, and which need not know that a client has left."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one request or socket."""
        connection = scope["state"].pop(CONNECTION, None)

        async def send_on(message: Any) -> None:
            if connection is None:
                with suppress(OSError):  # a socket whose client is gone
                    await send(message)
            elif connection.is_lost or connection.is_closing:
                raise ConnectionResetError
            elif message["type"] == BODY:
                await send_in_pieces(connection, message, send)
            else:
                await send(message)

        with suppress(ConnectionResetError):
            await self._application(scope, receive, send_on)


class Server(uvicorn.Server):
    """uvicorn's server, which looks at deadlines and ends with 0 when it is asked to end."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Before the first connection."""
        connections.begin(asyncio.get_running_loop().call_later)
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A second signal ends it at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal comes."""
    stated = _parser().parse_args(arguments)
    # It would write a line for each request that cannot be read, and for each that is no request.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    config = uvicorn.Config(
        InPieces(uvicorn.importer.import_from_string(stated.application)),
        host=stated.bind,
        port=stated.port,
        interface="asgi3",
        loop="uvloop",
        http=BoundedHttp,
        ws=BoundedSocket,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        ws_max_size=MAX_FRAME_BYTES,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PONG_S,
        ws_per_message_deflate=False,
        timeout_keep_alive=int(IDLE_S),
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    Server(config).run(None if stated.fd is None else [socket.socket(fileno=stated.fd)])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m orderengine.web")
    parser.add_argument("-b", "--bind", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=8000)
    parser.add_argument("--fd", type=int)
    parser.add_argument("application")
    # Daphne's own, which say nothing here.
    parser.add_argument("-v", "--verbosity")
    parser.add_argument("--no-server-name", action="store_true")
    return parser
