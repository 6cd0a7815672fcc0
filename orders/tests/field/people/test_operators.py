"""What operators met: pauses and limits that did something else than was meant, and a pause that was not seen."""

import asyncio
import shlex
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from dex import Engine
from orders.audit.record import Actor
from orders.cli.client import EngineClient
from orders.cli.render import Row
from orders.cli.watch import watch
from orders.management.commands.doctor import Missing, _trading
from orders.models import Account, AuditEntry, TradingControl, Wallet
from orders.problems import ProblemError
from orders.risk.pause import Target, find_paused, find_target, pause
from orders.selectors import how_to_resume

pytestmark = pytest.mark.django_db(transaction=True)
ADD = "/admin/orders/tradingcontrol/add/"
OPERATOR = Actor("operator", reason="drill")
MICRO = 10**6


@pytest.fixture
def own_engine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for module in ("orders.admin.pauses", "orders.cli.halting"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: engine)
    return engine


def errors_of(answer: Any) -> set[str]:
    return set(answer.context["adminform"].form.errors)


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"scope"}),
        ({"scope": ""}, {"scope"}),
        ({"scope": "everything"}, {"scope"}),
        ({"scope": "global"}, {"is_everything"}),
        ({"scope": "global", "is_everything": "on", "venue": "orca"}, {"venue"}),
        ({"scope": "chain"}, {"chain"}),
        ({"scope": "chain", "chain": "nochain"}, {"chain"}),
        ({"scope": "venue"}, {"venue"}),
        ({"scope": "venue", "venue": "nowhere"}, {"venue"}),
        ({"scope": "account"}, {"account"}),
        ({"scope": "account", "account": "999999"}, {"account"}),
        ({"scope": "wallet"}, {"wallet"}),
        ({"scope": "venue", "venue": "orca", "chain": "simulated"}, {"chain"}),
    ],
)
def test_a_pause_by_hand_needs_a_scope_and_exactly_its_name(
    admin_client: Client, own_engine: Engine, body: dict[str, str], wrong: set[str]
) -> None:
    answer = admin_client.post(ADD, body | {"reason": "drill"})

    assert answer.status_code == 200
    assert wrong <= errors_of(answer)
    assert not TradingControl.objects.exists()


@pytest.mark.parametrize(
    ("body", "row"),
    [
        ({"scope": "global", "is_everything": "on"}, ("global", "", "")),
        ({"scope": "chain", "chain": "simulated"}, ("chain", "simulated", "")),
        ({"scope": "venue", "venue": "orca"}, ("venue", "", "orca")),
    ],
)
def test_a_pause_by_hand_is_what_was_chosen(
    admin_client: Client, own_engine: Engine, body: dict[str, str], row: tuple[str, str, str]
) -> None:
    assert admin_client.post(ADD, body | {"reason": "drill"}).status_code == 302

    found = TradingControl.objects.get()
    assert (found.scope, found.chain_id, found.venue) == row
    assert AuditEntry.objects.get().reason == "drill"


def test_the_pages_say_pause(admin_client: Client, own_engine: Engine) -> None:
    page = admin_client.get(ADD).content.decode()

    assert "Pause trading" in page
    assert "trading control" not in page.lower()
    assert "Add pause" in admin_client.get("/admin/orders/tradingcontrol/").content.decode()


def test_a_global_pause_takes_no_name(own_engine: Engine) -> None:
    with pytest.raises(ProblemError):
        find_target("global", "orca", own_engine)
    with pytest.raises(CommandError):
        call_command("pause", "global", "orca", reason="drill")

    assert not TradingControl.objects.exists()


@pytest.mark.parametrize(
    "target", [Target("chain", "nochain", chain_id="nochain"), Target("venue", "gone", venue="gone")]
)
def test_what_the_engine_does_not_know_any_more_can_still_be_resumed(own_engine: Engine, target: Target) -> None:
    """Rows of an older version, of another chain's engine, or of a venue that was taken out."""
    scope, name = target.scope, target.name
    pause(target, OPERATOR)
    with pytest.raises(ProblemError):
        find_target(scope, name, own_engine)
    assert find_paused(scope, name, own_engine).name == name

    call_command("resume", scope, name, reason="over")

    assert not TradingControl.objects.exists()


def limits_of(account: Account) -> tuple[int | None, int | None]:
    account.refresh_from_db()
    return account.max_open_value, account.max_open_orders


def test_a_limit_that_is_not_named_stays(account: Account) -> None:
    call_command("limits", "set", account.name, "--max-open-value", "250000", reason="risk desk")
    call_command("limits", "set", account.name, "--max-open-orders", "9", reason="risk desk")
    assert limits_of(account) == (250_000 * MICRO, 9)

    call_command("limits", "set", account.name, "--max-open-value", "none", reason="risk desk")
    assert limits_of(account) == (None, 9)

    call_command("limits", "set", account.name, "--none", reason="risk desk")
    assert limits_of(account) == (None, None)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--none", "--max-open-orders", "9"],
        ["--max-open-orders", ""],
        ["--max-open-orders", " "],
        ["--max-open-orders", "-1"],
        ["--max-open-orders", "1e2"],
        ["--max-open-orders", "9" * 10],
        ["--max-open-value", ""],
    ],
)
def test_what_says_no_limit_clearly_changes_none(account: Account, arguments: list[str]) -> None:
    call_command("limits", "set", account.name, "--max-open-value", "5", "--max-open-orders", "3", reason="risk desk")

    with pytest.raises(CommandError):
        call_command("limits", "set", account.name, *arguments, "--reason", "slip")

    assert limits_of(account) == (5 * MICRO, 3)


@pytest.mark.parametrize(("scope", "name"), [("global", ""), ("chain", "simulated")])
def test_a_pause_of_everything_is_seen_wherever_one_looks(
    own_engine: Engine, monkeypatch: pytest.MonkeyPatch, scope: str, name: str
) -> None:
    for module in ("orderengine.web.health", "orders.management.commands.doctor"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: own_engine)
    assert Client().get("/ready").json()["checks"]["trading"]["paused"] == []
    assert _trading() == "nothing is paused"

    pause(find_target(scope, name, own_engine), OPERATOR)

    told = Client().get("/ready").json()
    assert told["checks"]["trading"]["paused"] == [scope]
    way = told["checks"]["trading"]["resume"]
    assert way == "manage.py resume " + {"global": "global", "chain": "chain simulated"}[scope] + " --reason WHY"
    assert "drill" not in str(told)
    with pytest.raises(Missing, match=f"{scope} paused since .* by operator: drill") as missing:
        _trading()
    assert missing.value.fix == way
    call_command(*shlex.split(way)[1:])
    assert _trading() == "nothing is paused"


def test_smaller_pauses_hold_only_theirs(own_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("orderengine.web.health", "orders.management.commands.doctor"):
        monkeypatch.setattr(f"{module}.get_engine", lambda: own_engine)
    pause(find_target("venue", "orca", own_engine), OPERATOR)

    assert Client().get("/ready").json()["checks"]["trading"]["paused"] == []
    assert _trading() == "goes on, but for what this ends: manage.py resume venue orca --reason WHY"


def test_the_stated_command_ends_any_pause(own_engine: Engine, account: Account) -> None:
    wallet = Wallet.objects.create(account=account, chain_id="simulated", address="0xabc")
    account.name = "desk 7"
    account.save()
    for scope, name in (("account", "desk 7"), ("wallet", wallet.address), ("venue", "orca"), ("global", "")):
        pause(find_target(scope, name, own_engine), OPERATOR)

    for row in TradingControl.objects.all():
        call_command(*shlex.split(how_to_resume(row))[1:])

    assert not TradingControl.objects.exists()


@pytest.mark.parametrize(
    ("scope", "name", "told"),
    [
        ("venue", "", "say which venue; there are "),
        ("venue", "nope", "there is no venue 'nope' to pause or resume; there are "),
        ("chain", "nope", "there is no chain 'nope' to pause or resume; there are simulated"),
        ("account", "", "say which account"),
        ("global", "orca", "global takes no name"),
    ],
)
def test_a_wrong_name_is_told_what_there_is(own_engine: Engine, scope: str, name: str, told: str) -> None:
    with pytest.raises(ProblemError) as refused:
        find_target(scope, name, own_engine)

    assert refused.value.problem.detail.startswith(told)


def test_no_parked_order_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("reconcile", "parked")

    assert capsys.readouterr().out == "no order is parked\n"


class Paused(EngineClient):
    """An engine that answers that the order waits, and sends nothing."""

    def call(self, method: str, path: str, body: Any = None) -> Any:
        if path == "halt":
            return {
                "results": [
                    {"scope": "account", "account": "desk 7", "chain": None, "venue": None},
                    {"scope": "global", "account": None, "chain": None, "venue": None},
                ]
            }
        return {"waiting_for": "halt"}

    async def follow(self, order_id: str) -> AsyncIterator[dict[str, Any]]:
        await asyncio.sleep(60)
        yield {}


def test_who_watches_an_order_that_a_pause_holds_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    order = {"id": "1", "status": "PENDING", "amount": "1", "token_in": "SOL", "token_out": "USDC"}

    [told] = watch(Paused("http://localhost"), [Row(1, order)], timeout_s=0.05, as_json=False, title="")

    assert told.startswith("order 1 is still PENDING after 0.05 s: trading is paused")
    assert told.endswith(
        "it ends by: manage.py resume account 'desk 7' --reason WHY; manage.py resume global --reason WHY"
    )
