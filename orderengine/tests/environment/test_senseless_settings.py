"""Each variable with values that make no sense: one sentence that begins with its name, and the start is over."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orderengine.environment.reading import COMPLETE
from orderengine.settings import env
from orderengine.tests.environment.checkouts import URL

ROOT = Path(__file__).resolve().parents[3]
SOUND = {"DATABASE_URL": URL, "DEBUG": "1", "SECRET_KEY": "s" * 40, COMPLETE: "1"}
# Any text may be meant: secrets, and paths that are looked at when they are used.
FREE = {
    *("SECRET_KEY", "SECRET_KEY_FALLBACKS", "REDIS_PASSWORD"),
    *("SIGNER_KEYSTORE", "SIGNER_PASSPHRASE_FILE", "SIGNER_WALLETS"),
    *("CHAINS_FILE", "STATE_DIR", "ADMIN_PASSWORD_FILE", "RECEIPT_KEY_FILE"),
}
HOSTILE = (
    *("nan", "NaN", "inf", "-inf", "-1", "-0.5", "1e9", "1e-3", "0x10", "1_000", "+5", "１２", "٣", "9" * 400, "½"),
    *("true false", "maybe", "{}", "[]", "'", "\x01", "a b", "é", "http://", "//", "..", "None", "1,,x"),
)
WORDS = {"nan", "NaN", "inf", "1e9", "1e-3", "0x10", "1_000", "maybe", "None"}
HARMLESS = {
    **dict.fromkeys(("HOST", "REDIS_HOST"), WORDS),
    "ALLOWED_HOSTS": {*WORDS, "1,,x"},
    "CHAIN": {*WORDS, "-1", "-inf"},
    "SIM_SEED": {"-1"},
}


def load(monkeypatch: pytest.MonkeyPatch, **environment: str) -> dict[str, Any]:
    """The settings of this environment alone. Raises: SystemExit where they refuse it."""
    for name in [*env.names, *os.environ]:
        if name not in {"PATH", "HOME", "LANG"}:
            monkeypatch.delenv(name, raising=False)
    for name, value in (SOUND | environment).items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(ROOT / "orderengine" / "settings.py"))


def refusal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], **environment: str) -> list[str]:
    """The sentences with which the start ends."""
    with pytest.raises(SystemExit) as ended:
        load(monkeypatch, **environment)
    assert ended.value.code == 1
    head, *sentences = capfd.readouterr().err.splitlines()
    assert head == "This engine does not start:"
    return [sentence.strip() for sentence in sentences]


@pytest.mark.parametrize("name", sorted(env.names - FREE))
def test_no_hostile_value_is_taken_or_ends_in_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    harmless = HARMLESS.get(name, set())

    for value in HOSTILE:
        if value in harmless:
            load(monkeypatch, **{name: value})
            continue
        sentences = refusal(monkeypatch, capfd, **{name: value})
        assert len(sentences) == 1, (value, sentences)
        assert sentences[0].startswith(name), (value, sentences)
        assert len(sentences[0]) < 250, value


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "0"}, "PORT=0 is no number from 1 to 65535."),
        ({"PORT": "65536"}, "PORT=65536 is no number from 1 to 65535."),
        ({"REDIS_PORT": "six"}, "REDIS_PORT=six is no number from 1 to 65535."),
        ({"DB_LOCK_TIMEOUT_MS": "0"}, "DB_LOCK_TIMEOUT_MS=0 is no number from 1 on."),
        ({"REDIS_SOCKET_TIMEOUT_S": "0"}, "REDIS_SOCKET_TIMEOUT_S=0 is no number from 0.01 to 60."),
        ({"ORDER_STUCK_S": "0"}, "ORDER_STUCK_S=0 is no number from 0.1 to 86400."),
        ({"ORDER_DEFAULT_SLIPPAGE_BPS": "10001"}, "ORDER_DEFAULT_SLIPPAGE_BPS=10001 is no number from 0 to 10000"),
        ({"ORDER_DEFAULT_PRICE_IMPACT_BPS": "0.001"}, "ORDER_DEFAULT_PRICE_IMPACT_BPS=0.001 is no number"),
        ({"WS_LINGER_S": "-1"}, "WS_LINGER_S=-1 is no number from 0 to 3600."),
        ({"DEBUG": "2"}, "DEBUG=2 is neither 1 (on) nor 0 (off)."),
        ({"ALLOW_REAL_MONEY": "ja"}, "ALLOW_REAL_MONEY=ja is neither 1 (on) nor 0 (off)."),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL, not LOUD."),
        ({"SIGNER": "nobody"}, "SIGNER must be one of development, keystore, not nobody."),
        ({"CHAIN": "../elsewhere"}, "CHAIN=../elsewhere is no name of a chain"),
        ({"ALLOWED_HOSTS": ","}, "ALLOWED_HOSTS=, lists nothing."),
        ({"ALLOWED_HOSTS": "a, https://b"}, "ALLOWED_HOSTS: https://b is written without scheme, port and path."),
        ({"ALLOWED_HOSTS": "a:3000"}, "ALLOWED_HOSTS: a:3000 is written without scheme, port and path."),
        ({"TRUSTED_PROXIES": "10.0.0.0/33"}, "TRUSTED_PROXIES: 10.0.0.0/33 is no address and no network"),
        ({"TRUSTED_PROXIES": "::/0"}, "TRUSTED_PROXIES: ::/0 is every address, so anybody could say who calls."),
        ({"PUBLIC_URL": "trade.example.com"}, "PUBLIC_URL is no URL like https://trade.example.com"),
        ({"PUBLIC_URL": "https://a/engine"}, "PUBLIC_URL is no URL like https://trade.example.com"),
        ({"HSTS_SECONDS": "60"}, "HSTS_SECONDS needs a PUBLIC_URL that begins with https://."),
        (
            {"HSTS_SECONDS": "60", "PUBLIC_URL": "http://a"},
            "HSTS_SECONDS needs a PUBLIC_URL that begins with https://.",
        ),
        ({"SIGNER_MAX_AMOUNTS": ","}, "SIGNER_MAX_AMOUNTS=, lists nothing."),
        ({"SIGNER_MAX_AMOUNTS": "SOL=1,SOL=2"}, "SIGNER_MAX_AMOUNTS is no list like SOL=1000,USDC=5000"),
        ({"SIGNER_MAX_AMOUNTS": "SOL=-1"}, "SIGNER_MAX_AMOUNTS is no list like SOL=1000,USDC=5000"),
        ({"SIGNER_MAX_AMOUNTS": "SOL="}, "SIGNER_MAX_AMOUNTS is no list like SOL=1000,USDC=5000"),
        ({"SIGNER_MAX_FEE": "-1"}, "SIGNER_MAX_FEE=-1 is no number from 0 on."),
        ({"HOST": "0.0.0.0:3000"}, "HOST=0.0.0.0:3000 is no host name and no address."),
        ({"REDIS_HOST": "redis://a"}, "REDIS_HOST=redis://a is no host name and no address."),
    ],
)
def test_the_sentence_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], environment: dict[str, str], sentence: str
) -> None:
    [said] = refusal(monkeypatch, capfd, **environment)

    assert said.startswith(sentence)


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    said = refusal(monkeypatch, capfd, PORT="many", CHAIN="a b", LOG_LEVEL="x")

    assert [sentence.replace("=", " ").split()[0] for sentence in said] == ["PORT", "CHAIN", "LOG_LEVEL"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ALLOWED_HOSTS": "localhost, api.example.com"}, {"ORIGIN_HOSTS": ["localhost", "api.example.com"]}),
        ({"ALLOWED_HOSTS": " A.Example.com. ,, .b.c ,::1"}, {"ORIGIN_HOSTS": ["a.example.com", ".b.c", "[::1]"]}),
        ({"DEBUG": " Yes "}, {"IS_DEVELOPMENT": True}),
        ({"REQUIRE_API_KEY": "OFF"}, {"REQUIRE_API_KEY": False}),
        ({"LOG_LEVEL": "debug"}, {"LOG_LEVEL": "DEBUG"}),
        ({"PORT": " 3001 "}, {"PORT": 3001}),
        ({"SIGNER_MAX_AMOUNTS": "SOL=1, USDC = 2 ,"}, {"SIGNER_MAX_AMOUNTS": {"SOL": 1, "USDC": 2}}),
        ({"SIGNER_MAX_FEE": "1" + "0" * 30}, {"SIGNER_MAX_FEE": 10**30}),
        ({"SIGNER_MAX_FEE": "0"}, {"SIGNER_MAX_FEE": 0}),
        ({"SECRET_KEY": " with blanks "}, {"SECRET_KEY": " with blanks "}),
        ({"HOST": "[::1]"}, {"HOST": "::1", "ENGINE_URL": "http://[::1]:3000", "API_IS_OPEN": True}),
        ({"HOST": "::"}, {"ENGINE_URL": "http://[::1]:3000", "API_IS_OPEN": False}),
        ({"HOST": "127.0.0.1.example.com"}, {"API_IS_OPEN": False}),
        ({"PUBLIC_URL": "https://a"}, {"API_IS_OPEN": False, "CSRF_TRUSTED_ORIGINS": ["https://a"]}),
        ({"TRUSTED_PROXIES": "127.0.0.1"}, {"API_IS_OPEN": False}),
    ],
)
def test_what_makes_sense_is_taken_as_it_is_meant(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: dict[str, Any]
) -> None:
    loaded = load(monkeypatch, **environment)

    assert {name: loaded[name] for name in expected} == expected


@pytest.mark.parametrize(
    "start",
    [
        ["-c", "import orderengine.asgi"],
        ["-m", "celery", "-A", "orderengine", "worker", "--pool", "solo"],
        ["-m", "celery", "-A", "orderengine", "beat", "--pidfile="],
        ["manage.py", "check"],
        ["manage.py", "deliver"],
        ["-m", "orderengine.devstack", "run"],
    ],
)
def test_every_process_ends_with_the_sentence(start: list[str]) -> None:
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, *start], cwd=ROOT, env=clean | SOUND | {"PORT": "many"}, capture_output=True, text=True
    )

    assert ended.returncode == 1
    assert "PORT=many is no number from 1 to 65535." in ended.stderr
    assert "Traceback" not in ended.stderr
