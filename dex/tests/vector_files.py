"""Loads exact swap results of the real programs; VECTORS_DIR names another folder with files of the same form."""

import inspect
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

_TOGETHER = 64  # cases of one test: thousands of tests take longer to begin and end than to run
VECTORS_DIR = Path(os.environ.get("VECTORS_DIR") or Path(__file__).parent / "vectors")


def load_vectors(kind: str, key: str) -> list[dict[str, Any]]:
    """The list under `key` in the file of a pool kind."""
    cases: list[dict[str, Any]] = json.loads((VECTORS_DIR / f"{kind}.json").read_text(encoding="utf-8"))[key]
    assert cases, f"{kind}.json holds no {key}"
    return cases


def each_of(
    names: tuple[str, ...], cases: Sequence[tuple[Any, ...]], ids: Sequence[str]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each case, as `parametrize` does, but many to a test; one that fails names all that fail."""
    assert cases
    groups = [list(zip(ids, cases, strict=True))[n : n + _TOGETHER] for n in range(0, len(cases), _TOGETHER)]

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(group: list[tuple[str, tuple[Any, ...]]], **others: Any) -> None:
            failed: list[Exception] = []
            for name, case in group:
                try:
                    test(**dict(zip(names, case, strict=True)), **others)
                except Exception as error:
                    error.add_note(name)
                    failed.append(error)
            if failed:
                raise ExceptionGroup(f"{len(failed)} of {len(group)} cases", failed)

        others = [name for name in inspect.signature(test).parameters if name not in names]
        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY) for name in ("group", *others)]
        )
        pytest.mark.parametrize("group", groups, ids=[group[0][0] for group in groups])(run)
        return run

    return decorate


def each_case(cases: Sequence[dict[str, Any]]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test with each case of a list, by its id."""
    return each_of(("case",), [(case,) for case in cases], [case["id"] for case in cases])
