"""Reads `.env`: the one parser of supervisor, settings and commands. docs/settings.md describes the format.

The standard library alone: the supervisor says with this what stops it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
# Outside quotes a value ends with its line, or where a comment begins.
BARE = re.compile(r"[^\n]*?(?=[ \t]+#|[ \t]*(?:\n|\Z))")
SINGLE = re.compile(r"'([^']*)'")
DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
INDENT = re.compile(r"[ \t]*")
REST = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
BLANK = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
# A value of another variable: `${NAME}`, or `${NAME:-value where it is not set}`.
REFERENCE = r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}"
BARE_PARTS = re.compile(REFERENCE)
DOUBLE_PARTS = re.compile(rf"\\(?P<escape>.)|{REFERENCE}", re.DOTALL)
IS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class EnvFileError(Exception):
    """Why the file cannot be read, in one sentence that shows none of its values."""


def read_env_file(path: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The values of the file, empty ones included, and none where there is no file.

    `environment` stands above the file, so references take their values from it first. Raises: EnvFileError.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        raise EnvFileError(f"{path} is a directory, not a file.") from None
    except OSError as error:
        raise EnvFileError(f"{path} cannot be read: {error.strerror}.") from error
    return parse(_decoded(content, path), environment, str(path))


def parse(text: str, environment: Mapping[str, str], where: str = ".env") -> dict[str, str]:
    """Every `NAME=value`, the last of equal names. Raises: EnvFileError with the number of the line."""
    text = re.sub(r"\r\n?", "\n", text.removeprefix("\ufeff"))
    values: dict[str, str] = {}
    position = 0
    while position < len(text):
        if blank := BLANK.match(text, position):
            position = blank.end()
            continue
        start = INDENT.match(text, position).end()  # type: ignore[union-attr]  # it matches nothing too
        try:
            name, value, position = _assignment(text, start, {**values, **environment})
        except ValueError as error:
            raise EnvFileError(f"Line {text.count(chr(10), 0, start) + 1} of {where} {error}") from error
        values[name] = value
    return values


def _assignment(text: str, start: int, known: Mapping[str, str]) -> tuple[str, str, int]:
    """Name, value, and where the next line begins. Raises: ValueError."""
    if not (found := NAME.match(text, start)):
        raise ValueError("is not NAME=value.")
    name, position = found[1], found.end()
    quote = text[position : position + 1]
    if quote == "'":
        value, position = _quoted(SINGLE, text, position)
    elif quote == '"':
        raw, position = _quoted(DOUBLE, text, position)
        value = _resolved(DOUBLE_PARTS, raw, known)
    else:
        bare = BARE.match(text, position)
        assert bare is not None  # it matches an empty value too
        # With a blank before it, a # begins a comment also where the value would begin.
        is_comment = bare[0].startswith("#") and text[position - 1] in " \t"
        value, position = ("", position) if is_comment else (_resolved(BARE_PARTS, bare[0], known), bare.end())
    if not (rest := REST.match(text, position)):
        raise ValueError("has something behind its quoted value.")
    if "\0" in value:
        raise ValueError("holds a NUL byte, which no environment can.")
    return name, value, rest.end()


def _quoted(form: "re.Pattern[str]", text: str, position: int) -> tuple[str, int]:
    if not (found := form.match(text, position)):
        raise ValueError("opens a quote that is not closed; a value that begins with a quote goes in the other kind.")
    return found[1], found.end()


def _resolved(parts: "re.Pattern[str]", raw: str, known: Mapping[str, str]) -> str:
    """The text with its escapes and references replaced. Raises: ValueError for a reference to nothing."""

    def one(found: "re.Match[str]") -> str:
        groups = found.groupdict()
        if (escape := groups.get("escape")) is not None:
            return ESCAPES.get(escape, "\\" + escape)
        name, default = groups["name"], groups["default"]
        if not IS_NAME.fullmatch(name) or "${" in (default or ""):
            raise ValueError("has a ${...} that names no variable; single quotes keep it as it is written.")
        if not (value := known.get(name) or default) and default is None:
            raise ValueError(f"takes ${{{name}}}, which is not set; single quotes keep it as it is written.")
        return value or ""

    return parts.sub(one, raw)


def _decoded(content: bytes, path: Path) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in content[:4]:
        raise EnvFileError(f"{path} is in UTF-16 or UTF-32: save it as UTF-8.")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise EnvFileError(f"Line {line} of {path} is not UTF-8: save the file in that encoding.") from None
