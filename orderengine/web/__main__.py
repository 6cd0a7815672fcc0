"""`python -m orderengine.web ARGUMENTS`: the web server that WEB_SERVER names, with daphne's arguments, on uvloop."""

import sys
from contextlib import suppress

from orderengine.environment.env_file import EnvFileError
from orderengine.environment.reading import read_environment


def run_daphne() -> None:
    """The loop is chosen before daphne is loaded, which else takes asyncio's. A tenth of what a small request costs."""
    import uvloop
    from twisted.internet import asyncioreactor

    if "twisted.internet.reactor" not in sys.modules:  # a spare process has chosen before
        asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]
    from daphne.cli import CommandLineInterface

    CommandLineInterface.entrypoint()


def run_uvicorn() -> None:
    """Without Twisted in the process."""
    from orderengine.web.on_uvicorn.serve import main

    main(sys.argv[1:])


def server_name() -> str:
    """What WEB_SERVER says; the settings refuse what they do not know, and a file that cannot be read."""
    with suppress(EnvFileError):
        return read_environment().values.get("WEB_SERVER", "")
    return ""


if __name__ == "__main__":
    if server_name() == "uvicorn":
        run_uvicorn()
    else:
        run_daphne()
