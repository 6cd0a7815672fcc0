"""Follows orders over their WebSockets at once and shows what happens."""

import asyncio
import os
import sys

from rich.console import Console
from rich.live import Live

from orders.cli.client import EngineClient, ServerError
from orders.cli.render import Row, json_line, line, summary, table


def watch(client: EngineClient, rows: list[Row], *, timeout_s: float, as_json: bool, title: str) -> list[str]:
    """Show events until every order has ended or the time is up; return what went wrong, in sentences."""
    console = Console()
    if as_json or not console.is_terminal or os.environ.get("NO_COLOR"):
        problems = asyncio.run(_follow_all(client, rows, timeout_s, as_json, None))
        if not as_json:
            sys.stdout.write(summary(rows) + "\n")
        return problems
    with Live(table(rows, title, console.width), console=console, refresh_per_second=12) as live:
        problems = asyncio.run(_follow_all(client, rows, timeout_s, as_json, (live, title)))
        live.update(table(rows, title, console.width))
    console.print(summary(rows))
    return problems


async def _follow_all(
    client: EngineClient, rows: list[Row], timeout_s: float, as_json: bool, shown: tuple[Live, str] | None
) -> list[str]:
    async def follow(row: Row) -> None:
        async for event in client.follow(row.order["id"]):
            if event["status"] == "CONFIRMED":
                # Before the event: other orders draw the table while this one waits for its amounts.
                row.order["final"] = await asyncio.to_thread(client.call, "GET", f"orders/{row.order['id']}")
            row.events.append(event)
            if shown:
                shown[0].update(table(rows, shown[1], shown[0].console.width))
            else:
                sys.stdout.write((json_line(event) if as_json else line(row, event)) + "\n")
                sys.stdout.flush()

    results = await asyncio.gather(*(asyncio.wait_for(follow(row), timeout_s) for row in rows), return_exceptions=True)
    return [
        _problem(client, row, result, timeout_s)
        for row, result in zip(rows, results, strict=True)
        if result is not None
    ]


# What an order waits for that is not its turn, and how that ends.
WAITS = {
    "halt": "trading is paused (GET /api/v1/halt says what); it ends by: manage.py resume SCOPE --reason WHY",
    "worker": "no worker has taken it: manage.py doctor says why",
    "chain": "the chain cannot be reached; it goes on by itself: manage.py doctor --live asks its nodes",
    "fees": "the chain's fees are above max_fee of CHAINS_FILE; it goes on by itself when they fall",
}


def _problem(client: EngineClient, row: Row, result: BaseException, timeout_s: float) -> str:
    match result:
        case TimeoutError():
            text = f"order {row.order['id']} is still {row.status} after {timeout_s:g} s"
            waits = _waiting_for(client, row)
            return f"{text}: {WAITS.get(waits, waits)}" if waits else text
        case ServerError():
            return str(result)
        case _:
            raise result


def _waiting_for(client: EngineClient, row: Row) -> str:
    """What the order itself says that it waits for; empty where it says nothing."""
    try:
        return str(client.call("GET", f"orders/{row.order['id']}").get("waiting_for") or "")
    except ServerError:
        return ""
