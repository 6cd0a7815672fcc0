"""Supervisor, its children and commands say the same of one environment, also where values are empty."""

import random
import shutil
from collections.abc import Iterator

import pytest

from orderengine.tests.environment.checkouts import URL, Checkout, copy_checkout

pytestmark = pytest.mark.system

# What the supervisor fills in by itself is stated, so that a command without an engine has it too.
STATED = {"DEBUG": "1", "SIGNER": "development", "DATABASE_URL": URL, "SECRET_KEY": "s" * 40}
VALUES = {
    "SECRET_KEY": [
        "plain",
        "'a${PORT}b'",
        '"a${PORT}b"',
        r'"x\ty\"z\\"',
        "'line 1\nline 2'",
        "\u2028a\u0085b",
        "#no comment",
    ],
    "REDIS_PASSWORD": ["", "''", "p@ss w0rd # comment", "'p@ss #1'", "${PORT}", r'"\$1"'],
    "CHAIN": ["simulated", "local", "", '"local"', "local # ours"],
    "REQUIRE_API_KEY": ["", "1", "0", '"yes"', "off"],
    "ALLOW_REAL_MONEY": ["", "1", "''"],
    "HOST": ["127.0.0.1", "0.0.0.0", "::1", "", "localhost"],
    "PUBLIC_URL": ["", "https://trade.example.com"],
    "TRUSTED_PROXIES": ["", "10.0.0.0/8, ::1"],
    "STATE_DIR": ["", ".state-other", "'state with blanks'"],
    "SIGNER_MAX_AMOUNTS": ["", "SOL=1,USDC=2", '"SOL=1, USDC=2"'],
}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture
def checkout(copied: Checkout) -> Iterator[Checkout]:
    """The copy, empty of what the test before has left."""
    yield copied
    (copied.root / ".env").unlink(missing_ok=True)
    for state in copied.root.glob(".state*"):
        shutil.rmtree(state)


def random_file(choose: random.Random) -> str:
    lines = [f"{name}={value}" for name, value in STATED.items()] + ["PORT=3001"]
    for name in sorted(VALUES):
        if choose.random() < 0.8:
            lines.append(f"{choose.choice(['', 'export '])}{name}={choose.choice(VALUES[name])}")
    return choose.choice(["", "\ufeff"]) + choose.choice(["\n", "\r\n"]).join(lines)


@pytest.mark.parametrize("seed", range(8))
def test_supervisor_children_and_commands_agree(checkout: Checkout, seed: int) -> None:
    choose = random.Random(seed)
    checkout.write(random_file(choose))
    terminal = {name: choose.choice(["", "local", "simulated"]) for name in ("CHAIN",) if choose.random() < 0.5}

    given, is_open, _ = checkout.children(**terminal)
    of_children = checkout.settings(**given)
    of_command = checkout.settings(**terminal)

    assert of_children.pop("SIGNER_WALLETS") == repr(given["SIGNER_WALLETS"])
    assert of_command.pop("SIGNER_WALLETS") == repr(given["SIGNER_WALLETS"])
    same = of_command.keys() - {"env", "ADMIN_PASSWORD_FILE", "RECEIPT_KEY_FILE"}
    assert {name: of_children[name] for name in same} == {name: of_command[name] for name in same}
    assert of_children["API_IS_OPEN"] == repr(is_open)


@pytest.mark.parametrize(
    ("file", "terminal", "expected"),
    [
        ("CHAIN=local", {"CHAIN": ""}, {"CHAIN": "'simulated'"}),
        ("REQUIRE_API_KEY=1", {"REQUIRE_API_KEY": ""}, {"REQUIRE_API_KEY": "None", "API_IS_OPEN": "True"}),
        ("REQUIRE_API_KEY=", {}, {"REQUIRE_API_KEY": "None", "API_IS_OPEN": "True"}),
        ("ALLOW_REAL_MONEY=1", {"ALLOW_REAL_MONEY": ""}, {"ALLOW_REAL_MONEY": "False"}),
        ("ALLOW_REAL_MONEY=", {}, {"ALLOW_REAL_MONEY": "False"}),
        ("ALLOW_REAL_MONEY=1", {"ALLOW_REAL_MONEY": " "}, {"ALLOW_REAL_MONEY": "False"}),
    ],
)
def test_empty_is_not_set_for_all_and_is_said(
    checkout: Checkout, file: str, terminal: dict[str, str], expected: dict[str, str]
) -> None:
    checkout.write("\n".join([*(f"{name}={value}" for name, value in STATED.items()), file]))
    name = file.partition("=")[0]

    given, _, notes = checkout.children(**terminal)
    of_children, of_command = checkout.settings(**given), checkout.settings(**terminal)
    said = checkout.run("manage.py", "diffsettings", **terminal).stderr

    assert {key: of_children[key] for key in expected} == expected
    assert {key: of_command[key] for key in expected} == expected
    assert notes == [f"{name} is empty, which counts as not set."]
    assert said == f"{name} is empty, which counts as not set.\n"


@pytest.mark.parametrize(
    ("file", "terminal", "expected"),
    [("", {}, "10 0.2"), ("DB_POOL_MAX=20", {}, "20 0.2"), ("DB_POOL_MAX=20", {"DB_POOL_MAX": ""}, "10 0.2")],
)
def test_a_web_process_has_defaults_of_its_own_below_all_that_is_said(
    checkout: Checkout, file: str, terminal: dict[str, str], expected: str
) -> None:
    checkout.write("\n".join([*(f"{name}={value}" for name, value in STATED.items()), file]))
    shown = "print(settings.DB_POOL_MAX, settings.CELERY_BROKER_TRANSPORT_OPTIONS['socket_timeout'])"

    ran = checkout.run("-c", f"import orderengine.asgi; from django.conf import settings; {shown}", **terminal)

    assert ran.stdout.strip() == expected, ran.stderr


def test_a_restarted_child_does_not_see_a_file_that_was_changed_since(checkout: Checkout) -> None:
    checkout.write("\n".join(f"{name}={value}" for name, value in STATED.items()))
    given, _, _ = checkout.children()

    checkout.write("DEBUG=1\nORDER_MAX_ATTEMPTS=9\nCHAIN=local")

    assert checkout.settings(**given)["ORDER_MAX_ATTEMPTS"] == "3"
    assert checkout.settings(**given)["CHAIN"] == "'simulated'"


@pytest.mark.parametrize(
    "content", ["A=1\nNAME=Jürgen".encode("latin-1"), "DEBUG=1".encode("utf-16"), b"DEBUG=1\nPORT", b"DEBUG=1\nA='x"]
)
def test_a_file_that_cannot_be_read_is_one_sentence_everywhere(checkout: Checkout, content: bytes) -> None:
    checkout.write(content)

    answers = [
        checkout.run("-m", "orderengine.devstack", "run"),
        checkout.run("-m", "orderengine.devstack", "with-servers", "--", "true"),
        checkout.run("manage.py", "check"),
        checkout.run("-c", "import orderengine.asgi", DATABASE_URL=URL),
        checkout.run("-m", "celery", "-A", "orderengine", "worker", "--pool", "solo", DATABASE_URL=URL),
    ]

    for answer in answers:
        assert answer.returncode == 1, answer
        assert ".env" in answer.stderr
        assert "Traceback" not in answer.stderr


ENGINE = {"DATABASE_URL": URL, "DEBUG": "1", "SECRET_KEY": "k" * 40}


def test_a_command_finds_the_engine_that_runs_on_another_chain(checkout: Checkout) -> None:
    checkout.pretend_engine(".state-local", **ENGINE, CHAIN="local", PORT="3007", HOST="::1")

    seen = checkout.settings()

    assert (seen["CHAIN"], seen["ENGINE_URL"]) == ("'local'", "'http://[::1]:3007'")


def test_a_command_beside_an_engine_takes_its_values_and_not_those_of_a_file(checkout: Checkout) -> None:
    checkout.pretend_engine(".state", **ENGINE, ORDER_MAX_ATTEMPTS="4")
    checkout.write("ORDER_MAX_ATTEMPTS=9\nRATE_PER_MINUTE=7\nCHAIN=local")

    seen = checkout.settings()

    assert (seen["CHAIN"], seen["ORDER_MAX_ATTEMPTS"], seen["RATE_PER_MINUTE"]) == ("'simulated'", "4", "6000")


def test_among_several_engines_a_command_asks_which(checkout: Checkout) -> None:
    checkout.pretend_engine(".state", **ENGINE, CHAIN="simulated", PORT="3001")
    checkout.pretend_engine(".state-local", **ENGINE, CHAIN="local", PORT="3002")
    checkout.pretend_engine(".state-mine", **ENGINE, CHAIN="simulated", PORT="3003")

    asked = checkout.run("manage.py", "check")
    told = checkout.settings(CHAIN="local")
    named = checkout.settings(STATE_DIR=str(checkout.root / ".state-mine"))
    helped = checkout.run("manage.py", "help", "seed")

    assert asked.returncode == 1
    mine = checkout.root / ".state-mine"
    assert asked.stderr == (
        f"error: 3 engines run here.\n  Way out: say which: CHAIN=simulated or CHAIN=local or STATE_DIR={mine}.\n"
    )
    assert (told["CHAIN"], told["PORT"]) == ("'local'", "3002")
    assert named["PORT"] == "3003"
    assert helped.returncode == 0


def test_what_the_file_names_decides_between_several(checkout: Checkout) -> None:
    checkout.pretend_engine(".state", **ENGINE, CHAIN="simulated", PORT="3001")
    checkout.pretend_engine(".state-local", **ENGINE, CHAIN="local", PORT="3002")
    checkout.write("CHAIN=local")

    assert checkout.settings()["PORT"] == "3002"
    assert checkout.settings(CHAIN="")["PORT"] == "3001"


def test_another_engine_than_the_named_one_is_not_taken(checkout: Checkout) -> None:
    checkout.pretend_engine(".state-local", **ENGINE, CHAIN="local")

    refused = checkout.run("manage.py", "check", CHAIN="base")
    none = checkout.run("manage.py", "check", STATE_DIR=str(checkout.root / "elsewhere"))

    assert refused.returncode == 1
    assert f"No engine runs on {checkout.root / '.state-base'}." in refused.stderr
    assert "CHAIN=local" in refused.stderr
    assert "No engine runs here and DATABASE_URL is not set" in none.stderr


def test_a_command_with_another_database_is_of_no_engine(checkout: Checkout) -> None:
    checkout.pretend_engine(".state", **ENGINE, ORDER_MAX_ATTEMPTS="4")

    seen = checkout.settings(DATABASE_URL=URL.replace("order_db", "other"), DEBUG="1")

    assert seen["ORDER_MAX_ATTEMPTS"] == "3"
