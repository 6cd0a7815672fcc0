"""Writes the models of the client from the engine's OpenAPI document. Run: make client-models.

What openapi-python-client makes of the shapes of answers. Requests are not among them, since the client takes their
fields as keywords; nor are the generator's own calls, since the client's repeat what may be repeated.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openapi_python_client import generate
from openapi_python_client.config import Config, ConfigFile, MetaType

HERE = Path(__file__).resolve().parent
REFERENCE = "#/components/schemas/"
# The order of imports and the form of lines, whatever the configuration around them says.
RUFF = [str(Path(sys.executable).with_name("ruff"))]
FORMAT = (["check", "--fix-only", "--select", "I,F401,UP"], ["format", "--line-length", "120"])


def main(schema: str, target: str) -> None:
    """Replace the models in the target folder by those of a document in JSON; `-`: from stdin."""
    text = sys.stdin.read() if schema == "-" else Path(schema).read_text(encoding="utf-8")
    document = models_document(json.loads(text))
    with tempfile.TemporaryDirectory() as directory:
        made = _generated(document, Path(directory))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(made, target, ignore=shutil.ignore_patterns("api", "client.py", "errors.py", ".ruff_cache"))


def models_document(schema: dict[str, Any]) -> dict[str, Any]:
    """An OpenAPI document of what answers and messages hold, under the names that programs use: without `Shape`."""
    components = schema["components"]["schemas"]
    wanted = sorted(_reached(_roots(schema), components))
    names = {name: name.removesuffix("Shape") for name in wanted}
    if len(set(names.values())) < len(names):
        raise SystemExit(f"error: two shapes have one name: {sorted(names)}")
    renamed = {names[name]: _renamed(components[name], names) for name in wanted}
    for component in renamed.values():
        # Of enumerations the schema's generator repeats the words here.
        if "enum" in component:
            component.pop("description", None)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Order Execution Engine", "version": "1"},
        "paths": {},
        "components": {"schemas": renamed},
    }


def _roots(schema: dict[str, Any]) -> Iterator[str]:
    """The components that answers name, and the bodies that webhooks send."""
    for path in schema["paths"].values():
        for operation in path.values():
            yield from _references(operation.get("responses", {}) if isinstance(operation, dict) else {})
    yield from _references(schema.get("webhooks", {}))


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(name := part.get("$ref"), str):
            yield name.removeprefix(REFERENCE)
        for member in part.values():
            yield from _references(member)
    elif isinstance(part, list):
        for member in part:
            yield from _references(member)


def _reached(roots: Iterator[str], components: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    ahead = list(roots)
    while ahead:
        if (name := ahead.pop()) not in found:
            found.add(name)
            ahead.extend(_references(components[name]))
    return found


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {
            key: REFERENCE + names[value.removeprefix(REFERENCE)] if key == "$ref" else _renamed(value, names)
            for key, value in part.items()
        }
    return [_renamed(member, names) for member in part] if isinstance(part, list) else part


def _generated(document: dict[str, Any], directory: Path) -> Path:
    source, made = directory / "models.json", directory / "generated"
    source.write_text(json.dumps(document), encoding="utf-8")
    file = ConfigFile(literal_enums=True, docstrings_on_attributes=True, post_hooks=[])
    config = Config.from_sources(file, MetaType.NONE, source, "utf-8", overwrite=True, output_path=made)
    if errors := list(generate(config=config, custom_template_path=HERE / "templates")):
        raise SystemExit("\n".join(f"error: {error.header} {error.detail}" for error in errors))
    for words in FORMAT:
        subprocess.run(
            [*RUFF, words[0], "--isolated", "--quiet", "--target-version", "py311", *words[1:], made], check=True
        )
    for file_made in made.rglob("*.py"):
        file_made.write_text(re.sub(r"[ \t]+$", "", file_made.read_text(encoding="utf-8"), flags=re.MULTILINE), "utf-8")
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])
