"""`python -m orderengine.web ARGUMENTS`: daphne with its own arguments, on uvloop's event loop.

The loop is chosen before daphne is loaded, which else takes asyncio's. A tenth of what a small request costs less.
"""

import sys

import uvloop
from twisted.internet import asyncioreactor

if "twisted.internet.reactor" not in sys.modules:  # a spare process has chosen before
    asyncioreactor.install(uvloop.new_event_loop())  # type: ignore[no-untyped-call]

from daphne.cli import CommandLineInterface

if __name__ == "__main__":
    CommandLineInterface.entrypoint()
