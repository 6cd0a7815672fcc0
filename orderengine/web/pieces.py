"""An answer is handed over in pieces, each when the client has taken the one before: no server holds a whole one."""

from collections.abc import Awaitable, Callable
from typing import Any

from orderengine.web.bounds import PIECE_BYTES, Connection, connections

BODY = "http.response.body"
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def send_in_pieces(connection: Connection, message: dict[str, Any], send: Send) -> None:
    """Send the body that an ASGI message has. Raises: ConnectionResetError when the client is gone."""
    body: bytes = message.get("body", b"")
    if len(body) <= PIECE_BYTES and connection.has_room():
        await send(message)
        return
    with connections.unread(connection, len(body)):
        for start in range(0, max(1, len(body)), PIECE_BYTES):
            await connection.until_taken()
            has_more = message.get("more_body", False) or start + PIECE_BYTES < len(body)
            await send({"type": BODY, "body": body[start : start + PIECE_BYTES], "more_body": has_more})
