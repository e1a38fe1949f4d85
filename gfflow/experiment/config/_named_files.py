"""The files that a config names: data, and the user's own functions."""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

from ._schema import locate
from ._section_types import Holds, split_target

_Keys = tuple[str | int, ...]


class NamedFile(NamedTuple):
    """**Attributes:**

    - `keys`: the place of the key that names the file.
    - `file`: as it is written.
    - `after`: the `:name` after it, or the empty string.
    """

    keys: _Keys
    file: str
    after: str

    def absolute(self, folder: Path) -> str:
        return os.path.abspath(folder / os.path.expanduser(self.file))


def missing_files(data: dict[str, Any], folder: Path) -> list[tuple[_Keys, str]]:
    """What is wrong with the keys that name a file that is not there.

    **Arguments:**

    - `data`: the contents of a config, valid or not.
    - `folder`: what its relative paths start from.
    """
    return [
        (
            named.keys,
            f"there is no file {named.absolute(folder)}; "
            f"got {named.file + named.after!r}",
        )
        for named in _named_files(data)
        if not os.path.isfile(named.absolute(folder))
    ]


def with_absolute_files(data: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The same config, every file in it by its absolute path."""
    result = copy.deepcopy(data)
    for named in _named_files(data):
        at: Any = result
        for key in named.keys[:-1]:
            at = at[key]
        at[named.keys[-1]] = named.absolute(folder) + named.after
    return result


def _named_files(data: dict[str, Any]) -> Iterator[NamedFile]:
    for keys, text in _texts(data):
        located = locate(keys, data)
        if located.field is None:
            continue
        marks = [*located.field.metadata, *_marks(located.field.annotation)]
        if Holds.FILE in marks and text:
            yield NamedFile(keys, text, "")
        elif Holds.TARGET in marks:
            try:
                where, name, is_file = split_target(text)
            except ValueError:
                continue
            if is_file:
                yield NamedFile(keys, where, f":{name}")


def _texts(content: Any, above: _Keys = ()) -> Iterator[tuple[_Keys, str]]:
    if isinstance(content, str):
        yield above, content
    elif isinstance(content, dict):
        for key, entry in content.items():
            yield from _texts(entry, (*above, key))
    elif isinstance(content, list):
        for index, entry in enumerate(content):
            yield from _texts(entry, (*above, index))


def _marks(annotation: Any) -> Iterator[Any]:
    """All that is in a type, to any depth."""
    for part in get_args(annotation):
        yield part
        yield from _marks(part)
