"""A client that comes back after its events were archived: told of the gap, and led to what is left."""

from pathlib import Path

import pytest

from dex.chains.simulated import SimulatedChain
from orderengine_client import Client, GapError, GoneError
from orders.tests.archive.past import LATER, load_past, run
from orders.tests.factories import api_key
from orders.tests.web import Web

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.system]


def test_a_gap_is_told_and_what_is_left_follows(
    tokens: None, chain: SimulatedChain, both_webs: list[Web], tmp_path: Path
) -> None:
    history = load_past(12, days=9)
    gaps: list[GapError] = []
    with Client(f"http://127.0.0.1:{both_webs[0].port}", api_key(history.account)) as client:
        archived = next(client.stream("0"))
        run(tmp_path, LATER)
        order = client.place("SOL", "USDC", "1")

        with pytest.raises(GapError) as raised:
            next(client.stream(archived.cursor))
        [event] = client.account_events(raised.value.cursor).results
        resumed = next(client.stream(raised.value.cursor))
        told = next(client.stream(archived.cursor, on_gap=gaps.append))
        with pytest.raises(GoneError) as gone:
            next(client.follow(archived.order_id))
        with pytest.raises(GoneError):
            client.get(archived.order_id)

    assert raised.value.lost_from == archived.cursor
    assert (event.order_id, event.seq) == (order.id, 1)
    assert event == resumed == told
    assert [(gap.lost_from, gap.cursor) for gap in gaps] == [(archived.cursor, raised.value.cursor)]
    assert gone.value.code == "archived"
