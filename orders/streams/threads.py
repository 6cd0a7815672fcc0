"""Where sockets read rows: in a few threads that are kept, which costs a third of what asgiref's way to one does."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import close_old_connections

P = ParamSpec("P")
T = TypeVar("T")

# Fewer than the database has connections for: those who place orders need some too.
MAX_THREADS = 2
_threads = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="socket")


async def in_thread(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `read` returns, with a connection to the database that it may use. Raises: what `read` raises."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _run, read, args, kwargs)


def _run(read: Callable[..., T], args: Any, kwargs: Any) -> T:
    try:
        return read(*args, **kwargs)
    finally:
        close_old_connections()
