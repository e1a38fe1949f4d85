"""What the sections of a config are made of: types, validators, messages."""

import math
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
)
from pydantic_core import PydanticCustomError

from ..._registry import names, suggest

TARGET_SYNTAX = '"package.module:name" or "./file.py:name"'


def one_of(word: object, words: Sequence[str]) -> str:
    """`must be one of a, b (did you mean 'a'?)`, for a word that is none of them."""
    near = suggest(word, words) if isinstance(word, str) else ""
    return f"must be one of {', '.join(words)}{near}"


def split_target(target: str) -> tuple[str, str, bool]:
    """The parts of a target.

    **Arguments:**

    - `target`: `package.module:name` or `./file.py:name`.

    **Returns:** the module or the file, the name in it, and whether it is a file.

    **Raises:** `ValueError`, with what is wrong, if `target` is neither.
    """
    where, colon, name = target.rpartition(":")
    is_file = where.endswith(".py")
    if not colon or (not is_file and ":" in where):
        raise ValueError(f"needs one colon: {TARGET_SYNTAX}")
    if not is_file and not all(part.isidentifier() for part in where.split(".")):
        raise ValueError(f"must be {TARGET_SYNTAX}")
    if not name.isidentifier():
        raise ValueError(f"needs the name of a function after the colon: {name!r}")
    return where, name, is_file


def refuse(text: str, inside: Sequence[str | int] = ()) -> PydanticCustomError:
    """The error that a key, or what is `inside` of it, is wrong by `text`."""
    return PydanticCustomError("refused", "{text}", {"text": text, "inside": inside})


def _target(text: str) -> str:
    try:
        split_target(text)
    except ValueError as error:
        raise refuse(str(error)) from None
    return text


def registered(kind: str, *also: str) -> Callable[[str], str]:
    """A validator of names of one kind, and of those beside them."""

    def check(word: str) -> str:
        known = [*also, *names(kind)]
        if word not in known:
            raise refuse(one_of(word, known))
        return word

    return check


def registered_or_target(kind: str) -> Callable[[str], str]:
    """A validator of names of one kind, and of targets."""

    def check(text: str) -> str:
        if ":" in text:
            return _target(text)
        if text not in names(kind):
            raise refuse(f"{one_of(text, names(kind))}, or {TARGET_SYNTAX}")
        return text

    return check


def _solver(word: str) -> str:
    known = {name.lower(): name for name in names("solvers")}
    if word.lower() not in known:
        raise refuse(one_of(word, names("solvers")))
    return known[word.lower()]


def plain(value: Any, inside: tuple[str | int, ...] = ()) -> Any:
    """Refuse what is not of JSON: dates, and numbers that are not finite."""
    if isinstance(value, dict):
        for key, entry in value.items():
            plain(entry, (*inside, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            plain(entry, (*inside, index))
    elif isinstance(value, float) and not math.isfinite(value):
        raise refuse("must be a finite number", inside)
    elif not isinstance(value, str | bool | int | float | None):
        raise refuse("dates and times are not supported: write a string", inside)
    return value


def text_or_number(value: object) -> str | None:
    """The tag of a key that is a number or a word."""
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, int | float) else None


class Holds(Enum):
    """Marks the type of a key that names a file."""

    FILE = "a path"
    TARGET = "a target, whose module may be a file"


Target = Annotated[str, AfterValidator(_target), Holds.TARGET]
FileName = Annotated[str, Field(min_length=1), Holds.FILE]
Arguments = Annotated[dict[str, Any], AfterValidator(plain)]
Activation = Annotated[str, AfterValidator(registered("activations"))]
Initialiser = Annotated[str, AfterValidator(registered("initialisers"))]
Family = Annotated[str, AfterValidator(registered("laws", "known"))]
LossName = Annotated[str, AfterValidator(registered_or_target("losses")), Holds.TARGET]
OptimiserName = Annotated[
    str, AfterValidator(registered_or_target("optimisers")), Holds.TARGET
]
SolverName = Annotated[str, AfterValidator(_solver)]
Name = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Widths = Annotated[list[PositiveInt], Field(min_length=2)]


class Section(BaseModel):
    """What the sections share: no unknown keys, no conversions, no inf or nan."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )

    def key_of(self, argument: str | None) -> str | None:
        """The key that an argument of what it makes has here, if there is one."""
        return argument if argument in type(self).model_fields else None
