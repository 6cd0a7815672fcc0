"""The processes of a worker share the moment of its newest message: one that has none is not taken for a lost one."""

import os
import subprocess
import sys

from orderengine.tests.engines import ROOT

WORKER = """
import os, sys
import orderengine.celery as worker
import django

django.setup(set_prefix=False)
assert "orders.pipeline.drain" not in sys.modules
worker.share_what_is_loaded()
drain = sys.modules["orders.pipeline.drain"]
drain.note_task()
before = drain._TIME.unpack_from(drain._last_task, 0)
if (child := os.fork()) == 0:
    drain.note_task(is_running=True)
    os._exit(0)
os.waitpid(child, 0)
assert drain._TIME.unpack_from(drain._last_task, 0) > before
"""


def test_what_one_process_of_a_worker_is_sent_the_others_know() -> None:
    alone = {"DEBUG": "1", "DATABASE_URL": "postgresql://nowhere.invalid/none", "REDIS_HOST": "nowhere.invalid"}

    subprocess.run([sys.executable, "-c", WORKER], cwd=ROOT, env=os.environ | alone, check=True)
