"""`import dex` and the errors behind it."""

import subprocess
import sys

import dex
from dex import errors

FRAMEWORKS = {"django", "rest_framework", "celery", "channels", "redis", "psycopg", "hypothesis"}


def test_the_front_door_loads_no_framework() -> None:
    script = "import sys, dex; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)

    assert FRAMEWORKS & set(loaded.stdout.split()) == set()


def test_everything_it_names_is_there() -> None:
    assert sorted(dex.__all__) == sorted(set(dex.__all__))
    assert all(hasattr(dex, name) for name in dex.__all__)


def test_every_error_belongs_to_exactly_one_family() -> None:
    families = (errors.RetryableError, errors.TerminalError, errors.UnknownOutcome)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DexError)]

    for kind in kinds:
        assert sum(issubclass(kind, family) for family in families) == (kind is not errors.DexError)
        assert kind.code.replace("_", "").isalpha()
        assert kind("words").detail == str(kind("words")) == "words"
