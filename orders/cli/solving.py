"""Routing problems solved in this process or in several, answers always in the order of the file."""

import json
import multiprocessing
import re
import signal
import sys
from collections.abc import Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dex.problems.document import ProblemError, ProblemSet
from dex.problems.solve import Answer, Solver
from orders.inputs.strict_json import JsonError, once

# Neighbours in a file share their graph, which each process compiles for itself; more would leave processes idle.
MAX_CHUNK = 16
MAX_NAME = 100  # characters of a file name


@dataclass(frozen=True, slots=True)
class Options:
    """How to solve: the time limit of one case, and whether pictures are wanted."""

    deadline_ms: float | None = None
    draws: bool = False


def read_document(name: str) -> Any:
    """The JSON of a file, `-` for standard input. Raises: ValueError with a sentence when there is none."""
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return json.loads(text, object_pairs_hook=once, parse_constant=_no_number)
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ValueError(f"{name} is nested too deeply") from error
    except JsonError as error:
        raise ValueError(f"{name} {error}") from error
    except ValueError as error:
        raise ValueError(f"{name} is no JSON: {error}") from error


def _no_number(word: str) -> float:
    raise JsonError(f"is no JSON: {word} is no number")


def case_ids_of(document: Any, wanted: Sequence[str], limit: int | None) -> list[str]:
    """The cases to solve, in the order of the file. Raises: ValueError when the file has no such form or case."""
    try:
        present = ProblemSet(document).case_ids
    except ProblemError as error:
        raise ValueError(str(error)) from error
    for case_id in wanted:
        if case_id not in present:
            raise ValueError(f"there is no case {case_id}")
    return [case_id for case_id in present if not wanted or case_id in wanted][:limit]


def answers(document: Any, case_ids: Sequence[str], options: Options, jobs: int = 1) -> Generator[Answer]:
    """The answers to the cases, each as soon as it and all before it are there."""
    if jobs == 1 or len(case_ids) < 2:
        solver = _solver(document, options)
        yield from map(solver.answer, case_ids)
        return
    chunk = max(1, min(MAX_CHUNK, len(case_ids) // (2 * jobs)))
    context = multiprocessing.get_context("spawn")  # the same on every system, and nothing inherited by accident
    pool = ProcessPoolExecutor(min(jobs, len(case_ids)), context, _start, (document, options))
    try:
        with _deaf():
            found = pool.map(_answer, case_ids, chunksize=chunk)  # starts all processes
        yield from found
    finally:
        pool.shutdown(cancel_futures=True)


def file_names(case_ids: Sequence[str]) -> dict[str, str]:
    """A file name (without ending) for each case: harmless letters only, and no two the same on any system."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for case_id in case_ids:
        safe = re.sub(r"[^A-Za-z0-9._-]", "_", case_id)[:MAX_NAME].lstrip(".") or "_"
        name, number = safe, 1
        while name.lower() in taken:
            number += 1
            name = f"{safe}-{number}"
        taken.add(name.lower())
        names[case_id] = name
    return names


@contextmanager
def _deaf() -> Generator[None]:
    """Ignore Ctrl-C; processes started meanwhile ignore it for life, as it is for this one to deal with."""
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _solver(document: Any, options: Options) -> Solver:
    return Solver(ProblemSet(document), deadline_ms=options.deadline_ms, draws=options.draws)


_own: list[Solver] = []  # of a process of the pool: one


def _start(document: Any, options: Options) -> None:
    _own.append(_solver(document, options))


def _answer(case_id: str) -> Answer:
    return _own[0].answer(case_id)
