"""Where each key of a TOML text stands, and how `key=value` changes one."""

import json
import re
import tomllib
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..._errors import ConfigError

_Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_DOT = re.compile(r"[ \t]*\.[ \t]*")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BARE = r"[A-Za-z0-9_-]+"
_ONE_LINE = r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'"
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}'
    r"|'''(?:[^']|'{1,2}(?!'))*'{3,5}"
    rf"|{_ONE_LINE}",
    re.DOTALL,
)
_KEY_PART = re.compile(rf"{_BARE}|{_ONE_LINE}")


def read_toml(path: Path) -> tuple[str, dict[str, Any], dict[str, int]]:
    """Read a TOML file.

    **Arguments:**

    - `path`: the file.

    **Returns:** its text, its contents, and its `line_numbers`.

    **Raises:** `ConfigError` if it cannot be read or is not TOML.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        reason = {
            FileNotFoundError: "there is no such file",
            IsADirectoryError: "this is a folder; give the .toml file in it",
        }.get(type(error), f"cannot be read: {error.strerror}")
        raise ConfigError([f"{path}: {reason}"]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        message = f"{path}:{line}: not UTF-8 text (byte 0x{raw[error.start]:02x})"
        raise ConfigError([message]) from None
    try:
        return text, tomllib.loads(text), line_numbers(text)
    except RecursionError:
        raise ConfigError([f"{path}: not TOML: nested too deeply"]) from None
    except ValueError as error:
        found = re.search(r" \(at line (\d+)", str(error))
        at_end = "at end of document" in str(error)
        line = found[1] if found else text.rstrip().count("\n") + 1 if at_end else None
        place = f"{path}:{line}" if line else f"{path}"
        raise ConfigError([f"{place}: not TOML: {error}"]) from None


def dotted(parts: Iterable[str | int]) -> str:
    """One string for a path of keys, such as `laws.custom.0.name`.

    **Arguments:**

    - `parts`: the keys, and the indices of array entries, outermost first.

    **Returns:** the parts joined by dots; a key that TOML would need quotes for is
    quoted, so that two paths never read the same.
    """
    return ".".join(
        text if re.fullmatch(_BARE, text) else json.dumps(text, ensure_ascii=False)
        for text in map(str, parts)
    )


def line_numbers(text: str) -> dict[str, int]:
    """The line on which each key, table and array entry of a TOML text begins.

    **Arguments:**

    - `text`: a whole TOML document.

    **Returns:** dotted path (see `dotted`) → line, counted from 1. A table stands at
    its header, or, if it has none, where its first key is named; an array of tables
    stands at its first header.

    **Raises:** `tomllib.TOMLDecodeError` if `text` is not TOML.
    """
    tomllib.loads(text)
    scanner = _Scanner(text)
    scanner.document()
    return {dotted(path): line for path, line in scanner.lines.items()}


def split_assignment(text: str) -> tuple[list[str], str]:
    """The keys and the raw value of one `key = value`.

    **Arguments:**

    - `text`: the assignment; its key may be dotted and quoted as in TOML.

    **Returns:** the keys, outermost first, and what stands after the equals sign.

    **Raises:** `ValueError` if there is no key or no equals sign.
    """
    scanner = _Scanner(text.strip())
    keys = scanner.key()
    scanner.skip(_SPACES)
    if scanner.next() != "=":
        raise ValueError("no equals sign after the key")
    return keys, scanner.text[scanner.at + 1 :].strip()


def set_key(data: dict[str, Any], assignment: str) -> None:
    """Change one entry of a parsed TOML document.

    **Arguments:**

    - `data`: the document, changed in place; tables that are not there are made.
    - `assignment`: `key=value`, the key dotted, with an index for an entry of an
      array. A value that is not TOML is taken as a bare string.

    **Raises:** `ValueError`, with what is wrong, if there is no such place.
    """
    try:
        keys, raw = split_assignment(assignment)
    except ValueError:
        raise ValueError("must be written key=value") from None
    at: Any = data
    for depth, key in enumerate(keys):
        is_last = depth == len(keys) - 1
        here = dotted(keys[:depth])
        if isinstance(at, list):
            index = int(key) if key.isdecimal() else len(at)
            if index >= len(at):
                raise ValueError(f"{here} has no entry {key}; it has {len(at)}, from 0")
            if is_last:
                at[index] = _toml_or_text(raw)
            at = at[index]
        elif not isinstance(at, dict):
            raise ValueError(f"{here} is {at!r}, not a table")
        elif is_last:
            at[key] = _toml_or_text(raw)
        else:
            at = at.setdefault(key, {})


def _toml_or_text(raw: str) -> Any:
    try:
        document = tomllib.loads(f"value = {raw}")
    except ValueError:
        return raw
    return document["value"] if len(document) == 1 else raw


@dataclass(frozen=True)
class Places:
    """Where the keys of a file with `key=value` overrides were written.

    **Fields:**

    - `file`: the file's name, as it is to be printed.
    - `lines`: what `line_numbers` returned for its text.
    - `overrides`: the `key=value` strings, the last one winning.
    """

    file: str
    lines: dict[str, int]
    overrides: tuple[str, ...]

    def where(self, key: str) -> str:
        """`file:line: key`, or `--set key=value: key` if it was overridden."""
        override, line = self._override(key), self._line(key)
        if override is not None:
            return f"--set {override}: {key}"
        return f"{self.file}: {key}" if line is None else f"{self.file}:{line}: {key}"

    def order(self, key: str) -> tuple[bool, int]:
        """A sort key: down the file, then the overrides."""
        return self._override(key) is not None, self._line(key) or 0

    def _override(self, key: str) -> str | None:
        above = None
        for override in reversed(self.overrides):
            try:
                overridden = dotted(split_assignment(override)[0])
            except ValueError:
                continue
            if f"{key}.".startswith(f"{overridden}."):
                return override
            if overridden.startswith(f"{key}."):
                above = above or override
        return None if key in self.lines else above

    def _line(self, key: str) -> int | None:
        return self.lines.get(key) or self.lines.get(key.rpartition(".")[0])


class _Scanner:
    """One pass over a text that is known to be TOML."""

    def __init__(self, text: str):
        self.text = text
        self.at = 0
        self.lines: dict[_Path, int] = {}
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._headed: set[_Path] = set()
        self._table_counts: dict[_Path, int] = {}

    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            raise ValueError(f"unexpected text at character {self.at + 1}")
        self.at = match.end()
        return match.group()

    def line(self) -> int:
        return bisect_left(self._newlines, self.at) + 1

    def note(self, path: _Path, line: int) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], line)

    def document(self) -> None:
        table: _Path = ()
        self.skip(_BLANK)
        while char := self.next():
            if char == "[":
                table = self.header()
            else:
                self.assignment(table)
            self.skip(_BLANK)

    def header(self) -> _Path:
        line = self.line()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        self.skip(_SPACES)
        *outer, last = self.key()
        self.skip(_SPACES)
        self.at += 2 if is_array else 1

        path: _Path = ()
        for key in outer:
            path += (key,)
            if path in self._table_counts:
                path += (self._table_counts[path] - 1,)
        path += (last,)
        self.note(path, line)
        if path not in self._headed:
            self._headed.add(path)
            self.lines[path] = line
        if is_array:
            index = self._table_counts.get(path, 0)
            self._table_counts[path] = index + 1
            path += (index,)
            self.note(path, line)
        return path

    def assignment(self, table: _Path) -> None:
        line = self.line()
        path = (*table, *self.key())
        self.note(path, line)
        self.skip(_SPACES)
        self.at += 1
        self.skip(_SPACES)
        self.value(path)

    def key(self) -> list[str]:
        parts = [self.key_part()]
        while _DOT.match(self.text, self.at):
            self.skip(_DOT)
            parts.append(self.key_part())
        return parts

    def key_part(self) -> str:
        part = self.skip(_KEY_PART)
        return tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part

    def value(self, path: _Path) -> None:
        char = self.next()
        if char == "[":
            self.array(path)
        elif char == "{":
            self.inline_table(path)
        else:
            self.skip(_STRING if char in ('"', "'") else _SCALAR)

    def array(self, path: _Path) -> None:
        self.at += 1
        index = 0
        self.skip(_BLANK)
        while (char := self.next()) != "]":
            if char == ",":
                self.at += 1
            else:
                self.note((*path, index), self.line())
                self.value((*path, index))
                index += 1
            self.skip(_BLANK)
        self.at += 1

    def inline_table(self, path: _Path) -> None:
        self.at += 1
        self.skip(_BLANK)
        while (char := self.next()) != "}":
            if char == ",":
                self.at += 1
            else:
                self.assignment(path)
            self.skip(_BLANK)
        self.at += 1
