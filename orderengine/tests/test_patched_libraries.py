"""docs/patched-libraries.md: every private part that we rely on is listed, and is still what was read."""

import ast
import hashlib
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from orderengine.tests.engines import ROOT

DOCUMENT = (ROOT / "docs" / "patched-libraries.md").read_text()
OWN = ("dex", "orders", "orderengine")
KNOWN = {*OWN, *sys.stdlib_module_names}
# No part of the deployment, but for migrations, which Django writes.
LEFT_OUT = {"tests", "testing", "chaos", "devstack", "migrations"}
# Documented although they begin with an underscore, or made for each class by its metaclass.
DOCUMENTED = {"_replace", "_asdict", "_make", "_fields", "_meta", "_default_manager", "_abc_impl", "_declared_fields"}
# Attributes that their libraries document as settings.
SETTINGS = ("admin.site.", "numba.config.")


def rows() -> list[Any]:
    """Package, version, part and hash of each row."""
    found = []
    for section in DOCUMENT.split("\n## ")[1:]:
        package, version = section.split("\n", 1)[0].split()
        for part, digest in re.findall(r"^\| `([\w.]+:[\w.]+)` \|.*\| `(\w*)` \|$", section, re.MULTILINE):
            found.append(pytest.param(package, version, part, digest, id=part))
    return found


def digest_of(part: str) -> str:
    """A hash of its source; of what it takes, where it is written in C."""
    module, _, name = part.partition(":")
    found = attrgetter(name)(importlib.import_module(module))
    try:
        text = inspect.getsource(found)
    except TypeError:
        text = repr(found.types)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


@pytest.mark.parametrize(("package", "version", "part", "digest"), rows())
def test_a_private_part_is_the_one_that_was_read(package: str, version: str, part: str, digest: str) -> None:
    installed, now = importlib.metadata.version(package), digest_of(part)
    advice = f"read {part} again, and what docs/patched-libraries.md says of it; then write there"

    assert installed == version, f"{package} {version} is now {installed}: {advice} ## {package} {installed}"
    assert now == digest, f"{package} has another source: {advice} `{now}`"


def test_every_private_part_that_we_use_is_listed() -> None:
    trees = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sources()}
    own = {name for tree in trees.values() for name in names_defined(tree)}
    used = {(path, name) for path, tree in trees.items() for name in private_names(tree) if name not in own}
    used |= {(path, name) for path, tree in trees.items() for name in replaced_parts(tree)}
    used |= set(overridden_parts())

    unlisted = sorted(f"{where}: {name}" for where, name in used if not re.search(rf"\b{name}\b", DOCUMENT))
    assert unlisted == [], "list them in docs/patched-libraries.md, or use what is public"


def sources() -> Iterator[Path]:
    """The files of the deployment."""
    yield ROOT / "manage.py"
    for package in OWN:
        for path in (ROOT / package).rglob("*.py"):
            if not LEFT_OUT.intersection(path.relative_to(ROOT).parts):
                yield path


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_" and name not in DOCUMENTED


def names_defined(tree: ast.AST) -> Iterator[str]:
    """What our own code gives a name to."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()):
                yield name
            case ast.Attribute(attr=name, value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                yield name


def private_names(tree: ast.AST) -> Iterator[str]:
    """Private names that are imported, or read from something."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if is_private(name):
                yield name
            case ast.Call(func=ast.Name(id="getattr" | "setattr"), args=[_, ast.Constant(value=str(name)), *_]):
                yield from [name] if is_private(name) else []
            case ast.ImportFrom(module=str(module), level=0) if module.partition(".")[0] not in OWN:
                names = [*module.split("."), *(alias.name for alias in node.names)]
                yield from filter(is_private, names)


def replaced_parts(tree: ast.AST) -> Iterator[str]:
    """Attributes of imported modules and classes that are assigned to."""
    foreign = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        if (getattr(node, "module", None) or node.names[0].name).partition(".")[0] not in OWN
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            path = ast.unparse(node)
            if path.partition(".")[0] in foreign and not path.startswith(SETTINGS):
                yield node.attr


def overridden_parts() -> Iterator[tuple[str, str]]:
    """Private methods and attributes of other packages' classes that our own classes define again."""
    for package in OWN:
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            parts = module.name.split(".")
            # The web process's entry would put all limits in force here.
            if LEFT_OUT.intersection(parts) or parts[-1] in {"__main__", "asgi"}:
                continue
            for kind in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(kind) and kind.__module__ == module.name:
                    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] not in KNOWN]
                    inherited = {name for base in bases for name in vars(base)}
                    yield from ((module.name, name) for name in vars(kind) if is_private(name) and name in inherited)
