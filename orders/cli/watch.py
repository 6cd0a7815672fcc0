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
    return [_problem(row, result, timeout_s) for row, result in zip(rows, results, strict=True) if result is not None]


def _problem(row: Row, result: BaseException, timeout_s: float) -> str:
    match result:
        case TimeoutError():
            return f"order {row.order['id']} is still {row.status} after {timeout_s:g} s"
        case ServerError():
            return str(result)
        case _:
            raise result
