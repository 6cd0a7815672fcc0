"""Rows 1.9 and 1.10 on the command line and in files: an empty option is no option unstated, a number is a number."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from dex.fields import Fields, ProblemError
from orders.audit.record import Actor, Entry, record
from orders.cli.client import EngineClient, ServerError
from orders.models import Account, ApiKey, AuditEntry
from orders.values import MICRO, parse_value

pytestmark = pytest.mark.usefixtures("tokens")

NO_WHOLE = ["", " ", "5_0", "+5", " 5", "5 ", "５", "٥", "05", "5.0", "1e1", "-1", "NaN", "0x5", "9" * 5000]
NO_VALUE = [
    *(text for text in NO_WHOLE if text not in ("5.0", "-1")),
    "Infinity",
    "1,000",
    "5.",
    ".5",
    "-0",
    "0.0000001",
]
NO_TEXT = ["", " ", "\t"]
CREATE = ("keys", "create", "desk")
SET = ("limits", "set", "desk", "--reason", "x")
QUOTE = ("orders", "quote", "SOL", "USDC", "1")
PLACE = ("orders", "place", "SOL", "USDC", "1")
TWO_POOLS = ("solve", "docs/examples/two-pools.json")
WALLET = ("wallet", "create", "w")

REFUSED = [
    *(((*CREATE, option), text) for option in ("--max-order-value", "--max-day-value") for text in NO_VALUE),
    *(((*SET, "--max-open-value"), text) for text in NO_VALUE),
    *(((*SET, "--max-open-orders"), text) for text in NO_WHOLE),
    *(((*CREATE, option), text) for option in ("--rate-per-minute", "--expires-days") for text in NO_WHOLE),
    ((*CREATE, "--expires-days"), "0"),
    *(((*CREATE, option), text) for option in ("--venues", "--tokens", "--ip-ranges", "--scopes")
      for text in ("", " ", ",", "orca,", ",orca")),
    *(((*QUOTE, option), text) for option in ("--max-legs", "--max-hops", "--max-swaps") for text in NO_WHOLE),
    *(((*QUOTE, "--slippage-bps"), text) for text in (*NO_TEXT, "1e2", "5_0", "+50", " 50", "50.", "050", "10001")),
    *(((*PLACE, option), text) for option in ("--client-order-id", "--quote-id") for text in NO_TEXT),
    *(((*PLACE, option), text) for option in ("--scenario", "--api-key-file") for text in NO_TEXT),
    *(((*PLACE, option), text) for option in ("--min-amount-out", "--max-amount-in") for text in NO_TEXT),
    *(((*PLACE, "--timeout"), text) for text in ("", "nan", "inf", "-1", "1e3", "1_0", " 5")),
    *(((*PLACE, "--url"), text) for text in (*NO_TEXT, "http://[::1", "http://", "ftp://x", "127.0.0.1:3000")),
    *((("orders", "list", "--limit"), text) for text in (*NO_WHOLE, "0", "501")),
    *((("seed", "--count"), text) for text in (*NO_WHOLE, "0", "501")),
    *((("seed", option), text) for option in ("--spend", "--scenario") for text in NO_TEXT),
    *((("simchain", "reorg", "--depth"), text) for text in (*NO_WHOLE, "0")),
    *((("simchain", "open-pool", "SOL/JUP", option), text) for option in ("--venue", "--name") for text in NO_TEXT),
    *((("simchain", "open-pool", "SOL/JUP", "--usd"), text) for text in (*NO_TEXT, "0", "-1", "1e6", "1_0")),
    *((("simchain", "open-pool", "SOL/JUP", "--fee-bps"), text) for text in (*NO_TEXT, "1e2", "10001")),
    *(((*TWO_POOLS, option), text) for option in ("--limit", "--jobs") for text in (*NO_WHOLE, "0")),
    *(((*TWO_POOLS, "--deadline-ms"), text) for text in ("", "nan", "inf", "-1", "0", "1e3", "1_0", " 5")),
    *(((*TWO_POOLS, option), text) for option in ("--svg", "--case") for text in NO_TEXT),
    *((("audit", "verify", "--head"), text) for text in (*NO_TEXT, "abc", "g" * 64, "a" * 65)),
    *(((*command, "--reason"), text) for text in NO_TEXT for command in (
        ("pause", "global"), ("resume", "global"), ("limits", "set", "desk", "--max-open-orders", "1"),
        ("wallet", "approve", "desk", "SOL", "1"), ("wallet", "unbind", "desk"), ("reconcile", "resume", "0x1"))),
    *((("pause", "--reason", "x", "chain"), text) for text in NO_TEXT),
    *(((*WALLET, option), text) for option in ("--account", "--passphrase-file") for text in NO_TEXT),
    *((("wallet", "import", "w", option), text) for option in ("--key-file", "--keystore") for text in NO_TEXT),
]  # fmt: skip


@pytest.fixture
def desk(db: None) -> Account:
    return Account.objects.create(name="desk")


@pytest.mark.parametrize(("arguments", "text"), REFUSED, ids=repr)
def test_an_option_is_what_it_says_or_refused(
    desk: Account, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], text: str
) -> None:
    monkeypatch.setattr(EngineClient, "call", lambda *_: pytest.fail("it was sent"))
    option = arguments[-1] if arguments[-1].startswith("--") else "name"
    given = [*arguments, text] if option == "name" else [*arguments[:-1], f"{option}={text}"]

    with pytest.raises(CommandError, match=f"^Error: argument .*{option}: ."):
        call_command(*given)

    desk.refresh_from_db()
    assert (desk.max_open_value, desk.max_open_orders) == (None, None)
    assert not ApiKey.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"a\nb", b"a b", "é".encode(), b"\xff\xfe", b"\xef\xbb\xbf"], ids=repr
)
def test_a_key_file_without_a_key_is_not_the_local_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    monkeypatch.setattr(EngineClient, "call", lambda *_: pytest.fail("it was sent"))
    file = tmp_path / "key"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"holds no API key|the key file cannot be read"):
        call_command(*PLACE, "--api-key-file", str(file))

    if content and b"\xff" not in content:
        monkeypatch.setenv("ORDER_ENGINE_API_KEY", content.decode())
        with pytest.raises(CommandError, match="ORDER_ENGINE_API_KEY holds no API key"):
            call_command(*PLACE)


def test_a_key_without_caps_says_nothing_of_caps(desk: Account) -> None:
    call_command("keys", "create", "desk")
    call_command(
        "keys", "create", "desk", "--max-order-value", "0", "--venues", "orca, raydium", "--rate-per-minute", "0"
    )

    capped, free = ApiKey.objects.order_by("-created")
    assert (free.max_order_value, free.venues, free.rate_per_minute) == (None, [], None)
    assert (capped.max_order_value, capped.venues, capped.rate_per_minute) == (0, ["orca", "raydium"], 0)


def test_values_are_exact_at_any_size() -> None:
    """Above 28 digits a decimal context rounds."""
    text = "1" * 53 + ".000001"

    assert parse_value(text) == int("1" * 53) * MICRO + 1


def test_a_head_that_is_stated_is_looked_for(desk: Account) -> None:
    record(Actor("test"), [Entry("x", "y", None, None, desk.id)])
    head = bytes(AuditEntry.objects.get().hash or b"").hex()

    call_command("audit", "verify", "--head", head.upper())
    with pytest.raises(CommandError, match="no row has the hash"):
        call_command("audit", "verify", "--head", "0" * 64)


# --- Problem files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"schema":"routing-cases/1","schema":"x"}', "has the member 'schema' twice"),
        ('{"schema":"routing-cases/1","graphs":{"g":{},"g":{}},"cases":[]}', "has the member 'g' twice"),
        ('{"cases":[{"id":"a","max_swaps":2,"max_swaps":null}]}', "has the member 'max_swaps' twice"),
        ('{"schema":NaN}', "NaN is no number"),
        ('{"schema":-Infinity}', "-Infinity is no number"),
    ],
)
def test_a_problem_file_states_each_thing_once(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "problems.json"
    file.write_text(content)

    with pytest.raises(CommandError, match=words) as caught:
        call_command("solve", str(file))

    assert caught.value.returncode == 2


@pytest.mark.parametrize(
    "value", [*(text for text in NO_VALUE if text not in ("0.0000001", "1e1")), True, [], {}, None], ids=repr
)
@pytest.mark.parametrize("field", ["amount", "max_swaps", "swap_cost"])
def test_a_number_of_a_problem_is_one(tmp_path: Path, capsys: Any, field: str, value: Any) -> None:
    document = json.loads(Path("docs/examples/two-pools.json").read_text())
    document["cases"] = [document["cases"][0] | {field: value}]
    file = tmp_path / "problems.json"
    file.write_text(json.dumps(document))
    if value is None and field != "amount":
        call_command("solve", str(file))
        return

    with pytest.raises(CommandError):
        call_command("solve", str(file))

    assert f"{field} must be" in json.loads(capsys.readouterr().out)["error"]


@pytest.mark.parametrize(
    "text", ["5_0", " 5", "+5", "٥", "5.", ".5", "1e", "1e2.0", "1e999", "05", "", "NaN", "9" * 101]
)
def test_a_weight_of_a_problem_is_a_plain_decimal(text: str) -> None:
    with pytest.raises(ProblemError, match="weight must be a number"):
        Fields("pool p", {"weight": text}).decimal("weight")


def test_an_order_may_name_a_quote_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []

    def call(self: EngineClient, method: str, path: str, body: Any = None) -> dict[str, Any]:
        sent.append((method, path, body["quote_id"]))
        raise ServerError("the quote has expired")

    monkeypatch.setattr(EngineClient, "call", call)

    with pytest.raises(CommandError, match="the quote has expired"):
        call_command(*PLACE, "--quote-id", "q1.abc")

    assert sent == [("POST", "orders", "q1.abc")]
