"""The ticket's order as a program: run twice, in any of the languages, it places one order."""

import os
import subprocess
import sys

import pytest

from orderengine.tests.e2e.conftest import OpenDesk
from orderengine.tests.engines import ROOT

COMMANDS = {
    "curl": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}


@pytest.mark.parametrize("language", COMMANDS)
def test_an_order_as_a_program_is_placed_once_by_it(open_desk: OpenDesk, language: str) -> None:
    desk = open_desk(permissions=["clipboard-read", "clipboard-write"])
    desk.fill("0.41", "limit", limit_price="5000")
    # The Python one waits for the end of an order, which does not come here.
    program = desk.copied(language).replace("timeout_s=60", "timeout_s=0.1")
    before = {order["id"] for order in desk.get("/orders?limit=100")["results"]}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "client/src")}

    for _ in range(2):
        subprocess.run([*COMMANDS[language], program], env=environment, capture_output=True, timeout=60, check=False)

    made = [order for order in desk.get("/orders?limit=100")["results"] if order["id"] not in before]
    assert [(order["amount"], order["limit_price"]) for order in made] == [("0.41", "5000")]
    desk.post("/orders/cancel", {"all": True})
