"""`.env`: one reader, for what any editor or shell makes of the file, and one sentence where it cannot be read."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderengine.environment.env_file import EnvFileError, parse, read_env_file
from orderengine.environment.reading import COMPLETE, load, read_environment
from orderengine.refusal import Refusal

SEPARATORS = "\u2028\u2029\u0085\x0b\x0c\x1c\u00a0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PORT=3001", {"PORT": "3001"}),
        ("\ufeffPORT=3001", {"PORT": "3001"}),
        ("  export PORT = 3001  ", {"PORT": "3001"}),
        ("PORT=3001 # the other one is taken", {"PORT": "3001"}),
        ("PORT= # nothing yet", {"PORT": ""}),
        ("COLOUR=#fff", {"COLOUR": "#fff"}),
        ("REDIS_PASSWORD='a #b = \"c\"'", {"REDIS_PASSWORD": 'a #b = "c"'}),
        ('SECRET_KEY="a b"  # quoted', {"SECRET_KEY": "a b"}),
        (
            "DATABASE_URL=postgresql://u:p%40@h:5432/db?schema=public#x",
            {"DATABASE_URL": "postgresql://u:p%40@h:5432/db?schema=public#x"},
        ),
        ("TITLE=it's ours", {"TITLE": "it's ours"}),
        ("REDIS_HOST=", {"REDIS_HOST": ""}),
        ("# REDIS_HOST=localhost", {}),
        ("", {}),
        ("A=1\r\nB=2\rC=3\n", {"A": "1", "B": "2", "C": "3"}),
        ("A=1\n\n  \n#x\nA=2", {"A": "2"}),
        (f"A=x{SEPARATORS}y", {"A": f"x{SEPARATORS}y"}),
        ("A='line 1\nline 2'\nB=2", {"A": "line 1\nline 2", "B": "2"}),
        (r'A="a\nb\t\"c\"\\ \$x"', {"A": 'a\nb\t"c"\\ $x'}),
        (r"A='a\nb'", {"A": r"a\nb"}),
        (r"A=a\nb", {"A": r"a\nb"}),
        ("Y=1\nA='a${Y}b'", {"Y": "1", "A": "a${Y}b"}),
        ('Y=1\nA="a${Y}b"', {"Y": "1", "A": "a1b"}),
        ("Y=1\nA=a${Y}b${GIVEN}", {"Y": "1", "A": "a1bfrom the environment"}),
        (r'A="\${GIVEN}"', {"A": "${GIVEN}"}),
        ("A=${NOTHING:-else}", {"A": "else"}),
        ("A=${NOTHING:-}", {"A": ""}),
        ("GIVEN=file\nA=${GIVEN}", {"GIVEN": "file", "A": "from the environment"}),
        ("A=pa$$word$1", {"A": "pa$$word$1"}),
    ],
)
def test_lines_are_read_as_a_shell_would(text: str, expected: dict[str, str]) -> None:
    assert parse(text, {"GIVEN": "from the environment"}) == expected


@pytest.mark.parametrize(
    "line",
    ["PORT", "3PORT=1", "=x", 'A="b', "A='b", "A='b' c", "A=${NOTHING}", 'A="${NOTHING}"', "A=${a b}", "A=\0", "Ä=1"],
)
def test_a_line_that_cannot_be_read_is_named_and_its_value_is_not_shown(line: str) -> None:
    with pytest.raises(EnvFileError, match=r"^Line 2 of \.env ") as refused:
        parse(f"PORT=1\n{line}", {})

    assert "'b" not in str(refused.value)


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=30)


def written(value: str, style: str) -> str | None:
    """The value in this style, None where the style cannot hold it."""
    if style == "single":
        return None if "'" in value else f"'{value}'"
    if style == "double":
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
        return f'"{escaped}"'
    is_bare = "\n" not in value and value == value.strip(" \t") and "#" not in value and "${" not in value
    return value if is_bare and not value.startswith(("'", '"')) else None


@given(
    values=st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True), VALUES, min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
)
def test_what_is_written_is_read(values: dict[str, str], seed: int) -> None:
    """In every style that can hold a value, between comments, with any line ends, after older values of the name."""
    choose = random.Random(seed)
    end = choose.choice(["\n", "\r\n", "\r"])
    lines = []
    for name, value in values.items():
        styles = [text for style in ("single", "double", "bare") if (text := written(value, style)) is not None]
        old = [f"{name}=older"] if choose.random() < 0.3 else []
        comment = choose.choice(["", " # it's a comment", "\t#"])
        lines += [*old, f"{choose.choice(['', 'export ', '  '])}{name}={choose.choice(styles)}{comment}", ""]
    text = choose.choice(["", "\ufeff"]) + "\n".join(lines).replace("\n", end)

    assert parse(text, {}) == values


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=1\nNAME=Jürgen".encode("latin-1"), "Line 2 of .* is not UTF-8"),
        ("A=1".encode("utf-16"), "is in UTF-16 or UTF-32"),
        ("A=1".encode("utf-16-le"), "is in UTF-16 or UTF-32"),
        ("A=1".encode("utf-32"), "is in UTF-16 or UTF-32"),
    ],
)
def test_another_encoding_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / ".env").write_bytes(content)

    with pytest.raises(Refusal, match=said):
        load(tmp_path)


def test_a_directory_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()

    with pytest.raises(EnvFileError, match="is a directory, not a file"):
        read_env_file(tmp_path / ".env", {})


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refused)

    with pytest.raises(EnvFileError, match=r"\.env cannot be read: Permission denied"):
        read_env_file(tmp_path / ".env", {})


def test_the_environment_stands_above_the_file_with_what_is_empty_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=3001\nCHAIN=local\nALLOW_REAL_MONEY=\nHOST=10.0.0.1\n")

    reading = read_environment(tmp_path, {"CHAIN": "", "HOST": "10.0.0.2", "TERM": "dumb"})

    assert reading.values == {"PORT": "3001", "HOST": "10.0.0.2", "TERM": "dumb"}
    assert reading.empty == {"CHAIN", "ALLOW_REAL_MONEY"}
    assert reading.in_file == {"PORT", "CHAIN", "ALLOW_REAL_MONEY", "HOST"}


def test_a_process_that_was_given_everything_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=3001")

    assert read_environment(tmp_path, {COMPLETE: "1"}).values == {COMPLETE: "1"}
    assert read_environment(tmp_path, {}).values == {"PORT": "3001"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=3001")
    (tmp_path / ".env").chmod(0)

    with pytest.raises(EnvFileError, match="Permission denied"):
        read_env_file(tmp_path / ".env", {})
