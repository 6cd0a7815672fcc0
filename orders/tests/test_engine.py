"""The engine of a process, and what else it keeps for good."""

import contextlib
import gc
import os

from orders.engine import GC_YOUNG, freeze_gc


def test_a_child_keeps_what_it_has_loaded_itself_beside_what_its_parent_keeps() -> None:
    """Garbage collection in each batch would look through all that speaks to nodes."""
    freeze_gc()
    kept = gc.get_freeze_count()
    assert gc.get_threshold()[0] == GC_YOUNG
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            loaded = [[number] for number in range(20_000)]
            freeze_gc()
            os._exit(gc.get_freeze_count() < kept + len(loaded) // 2)
        os._exit(2)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
