"""`manage.py receipt`: get, verify on a machine that has nothing, and rotate-key."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from dex.recorded.canonical import canonical
from orders.cli.verifying import exit_code, findings, lines
from orders.models import Account, AuditEntry, ReceiptKey
from orders.receipts.document import signed
from orders.receipts.keys import PrivateKey, make_private_key, read_private_key
from orders.tests.factories import place, terms
from orders.tests.receipts.conftest import Ask

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "receipts.md"


class Files(NamedTuple):
    """What `receipt get` writes."""

    receipt: Path
    market: Path
    keys: Path


@pytest.fixture
def files(account: Account, drive: Callable[..., None], ask: Ask, key: PrivateKey, tmp_path: Path) -> Files:
    """Of the second order of a batch, split over several pools."""
    _, order = place(account, terms(amount=9_000 * 10**9), terms(amount=50_000 * 10**9, max_network_fee=10**9))
    drive()
    written = Files(*(tmp_path / name for name in ("receipt.json", "market.json", "keys.json")))
    written.receipt.write_bytes(ask(order, "receipt").content)
    written.market.write_bytes(ask(order, "snapshot").content)
    written.keys.write_bytes(Client().get("/.well-known/jwks.json").content)
    return written


def verdicts(receipt: Path, market: Path | None, keys: Path | None) -> dict[str, bool | None]:
    return {found.what: found.holds for found in findings(receipt, market, None if keys is None else str(keys))}


def alone(directory: Path, arguments: Sequence[str], program: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
    """Run on a machine without database, Redis, settings or engine."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "STATE_DIR": str(directory / "no-state")}
    command = [sys.executable, *(program or (str(ROOT / "manage.py"), "receipt", "verify")), *arguments]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=60)


def test_it_holds_on_a_machine_that_has_nothing(files: Files, tmp_path: Path) -> None:
    whole = alone(tmp_path, ["receipt.json", "--snapshot", "market.json", "--keys", "keys.json"])
    files.market.write_bytes(files.market.read_bytes().replace(b'"block":', b'"block":1'))
    unlike = alone(tmp_path, ["receipt.json", "--snapshot", "market.json", "--keys", "keys.json", "--json"])

    assert (whole.returncode, whole.stderr) == (0, "")
    assert [line.split(":")[0].split() for line in whole.stdout.splitlines()] == [
        *(["signature", "ok"], ["market", "ok"], ["amounts", "ok"], ["route", "ok"])
    ]
    assert unlike.returncode == 1
    assert [(one["check"], one["holds"]) for one in json.loads(unlike.stdout)] == [
        ("signature", True),
        ("market", False),
    ]


def test_the_program_of_the_docs_holds_it_too(files: Files, tmp_path: Path) -> None:
    [program] = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "by_hand.py").write_text(program)

    good = alone(tmp_path, [], ["by_hand.py"])
    files.receipt.write_bytes(files.receipt.read_bytes().replace(b'"seq":5', b'"seq":6'))
    bad = alone(tmp_path, [], ["by_hand.py"])

    assert (good.returncode, good.stderr) == (0, "")
    assert bad.returncode == 1
    assert "InvalidSignature" in bad.stderr


def test_each_check_says_what_it_could_not_see(files: Files) -> None:
    assert verdicts(files.receipt, None, None) == {"signature": None}
    assert verdicts(files.receipt, None, files.keys) == {"signature": True}
    assert verdicts(files.receipt, files.market, None) == {
        "signature": None,
        "market": True,
        "amounts": True,
        "route": True,
    }
    for market, keys, code in (
        (None, None, 2),
        (None, files.keys, 2),
        (files.market, None, 2),
        (files.market, files.keys, 0),
    ):
        found = findings(files.receipt, market, None if keys is None else str(keys))
        assert exit_code(found, market is not None) == code


def test_what_a_file_says_is_no_line_of_its_own_and_moves_no_cursor(tmp_path: Path) -> None:
    """Else a forged receipt would print its own verdict."""
    forged, keys = tmp_path / "forged.json", tmp_path / "keys.json"
    name = "x\x1b[1A\x1b[2K\rsignature  ok: of the key y\nmarket     ok: \u202e6f1c"
    forged.write_bytes(canonical({"format": "order-receipt/1", "key_id": name, "signature": "x"}))
    keys.write_text('{"keys": []}')

    [line] = lines(findings(forged, None, str(keys)))

    assert line.startswith("signature  FAILS: it names the key x\\x1b[1A\\x1b[2K\\rsignature")
    assert line.isprintable()


def forge(files: Files, key: PrivateKey, change: Callable[[dict[str, Any]], object]) -> None:
    """A receipt that says something else, signed by the engine's own key."""
    said = json.loads(files.receipt.read_bytes())
    change(said)
    files.receipt.write_bytes(
        signed({k: v for k, v in said.items() if k not in {"format", "key_id", "signature"}}, key)
    )


def pay_one_more(said: dict[str, Any]) -> None:
    said["route"]["swaps"][-1]["amount_out_raw"] = str(int(said["route"]["swaps"][-1]["amount_out_raw"]) + 1)


def test_an_engine_that_lies_is_found_out(files: Files, key: PrivateKey) -> None:
    """Amounts that the pools do not pay, and a route that its router would not have taken."""
    honest = files.receipt.read_bytes()
    forge(files, key, pay_one_more)
    assert verdicts(*files) == {"signature": True, "market": True, "amounts": False, "route": False}
    [*_, route] = findings(files.receipt, files.market, str(files.keys))
    assert "route" in [unlike.what for unlike in route.differences]
    assert any("receipt" in line for line in lines([route]))

    files.receipt.write_bytes(honest)
    forge(files, key, lambda said: said["route"].update(quoted_amount_out_raw="1"))
    assert verdicts(*files)["route"] is False

    files.receipt.write_bytes(honest)
    forge(files, key, lambda said: said["market"]["routing"]["request"].update(max_legs=1))
    assert verdicts(*files) == {"signature": True, "market": True, "amounts": True, "route": False}

    files.receipt.write_bytes(honest)
    forge(files, key, lambda said: said["market"].update(routing=None))
    assert verdicts(*files) == {"signature": True, "market": True, "amounts": True, "route": None}

    files.receipt.write_bytes(honest)
    forge(files, key, lambda said: said.update(market=None))
    assert verdicts(*files) == {"signature": True, "market": None}


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(route=None),
        lambda said: said.update(market=5),
        lambda said: said.update(market={"hash": 5}),
        lambda said: said["market"].update(routing={}),
        lambda said: said["market"]["routing"].update(request={"token_in": "SOL"}),
        lambda said: said["market"]["routing"].update(checked_costs="x"),
        lambda said: said["route"].update(swaps=[{}]),
        lambda said: said["route"].update(swaps=[]),
        lambda said: said["order"].update(side="both"),
        lambda said: said.pop("order"),
    ],
    ids=map(str, range(10)),
)
def test_a_receipt_of_another_shape_is_refused_in_words(
    files: Files, key: PrivateKey, change: Callable[[dict[str, Any]], object]
) -> None:
    forge(files, key, change)

    found = findings(files.receipt, files.market, str(files.keys))

    assert found[0].holds
    assert [one.holds for one in found if one.holds is not True]
    assert list(lines(found))


def test_files_that_are_not_there_and_markets_that_are_none(files: Files, tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    for arguments in ([none], [str(files.receipt), "--keys", none], [str(files.receipt), "--snapshot", none]):
        with pytest.raises(CommandError) as refused:
            call_command("receipt", "verify", *arguments)
        assert refused.value.returncode == 2
    for content in (b"", b"{}", b"[]", canonical({"format": "order-market/1"}), files.receipt.read_bytes()):
        files.market.write_bytes(content)
        assert verdicts(*files) == {"signature": True, "market": False}


def test_rotate_key_keeps_the_old_one_listed_and_is_noted(key: PrivateKey, settings: Any) -> None:
    call_command("receipt", "rotate-key", "--reason", "a year has passed")

    path = Path(settings.RECEIPT_KEY_FILE)
    new = read_private_key(path).public.key_id
    assert path.stat().st_mode & 0o777 == 0o600
    rows = dict(ReceiptKey.objects.values_list("key_id", "retired_at"))
    assert rows.keys() == {key.public.key_id, new}
    assert rows[new] is None
    assert rows[key.public.key_id] is not None
    [entry] = AuditEntry.objects.filter(action="receipt_key.rotate")
    assert (entry.subject, entry.before, entry.reason) == (
        *(f"receipt-key:{new}", {"key": key.public.key_id}, "a year has passed"),
    )
    assert [one["kid"] for one in Client().get("/.well-known/jwks.json").json()["keys"]] == [key.public.key_id, new]
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_rotation_that_died_signs_nothing_until_it_is_done_again(
    key: PrivateKey,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    account: Account,
    drive: Callable[..., None],
    ask: Ask,
) -> None:
    """After the old key was retired, and before the new file took its place."""
    [order] = place(account)
    drive()
    with monkeypatch.context() as dying:
        dying.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            call_command("receipt", "rotate-key", "--reason", "x")

    assert ask(order, "receipt").status_code == 501
    call_command("receipt", "rotate-key", "--reason", "x")
    assert ask(order, "receipt").status_code == 200


def test_prepare_makes_a_key_once(engine: Any, settings: Any, tmp_path: Path) -> None:
    settings.RECEIPT_KEY_FILE = str(tmp_path / "made.pem")

    call_command("prepare", verbosity=0)
    first = read_private_key(tmp_path / "made.pem").public
    call_command("prepare", verbosity=0)

    assert read_private_key(tmp_path / "made.pem").public == first
    assert list(ReceiptKey.objects.values_list("key_id", flat=True)) == [first.key_id]
    make_private_key(tmp_path / "open.pem")
    (tmp_path / "open.pem").chmod(0o644)
    settings.RECEIPT_KEY_FILE = str(tmp_path / "open.pem")
    call_command("prepare", verbosity=0)  # orders need none: it is said, and the engine starts
