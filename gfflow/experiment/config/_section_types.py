"""What the sections of a config are made of: types, validators, messages."""

import math
from collections.abc import Callable, Sequence
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
    return PydanticCustomError("refused", "{text}", {"text": text, "inside": inside})


def _target(text: str) -> str:
    try:
        split_target(text)
    except ValueError as error:
        raise refuse(str(error)) from None
    return text


def _loss(text: str) -> str:
    if ":" in text:
        return _target(text)
    if text not in names("losses"):
        raise refuse(f"{one_of(text, names('losses'))}, or {TARGET_SYNTAX}")
    return text


def registered(kind: str, *also: str) -> Callable[[str], str]:
    def check(word: str) -> str:
        known = [*also, *names(kind)]
        if word not in known:
            raise refuse(one_of(word, known))
        return word

    return check


def _optimiser(text: str) -> str:
    if ":" in text:
        return _target(text)
    if text not in names("optimisers"):
        raise refuse(f"{one_of(text, names('optimisers'))}, or {TARGET_SYNTAX}")
    return text


def _solver(word: str) -> str:
    known = {name.lower(): name for name in names("solvers")}
    if word.lower() not in known:
        raise refuse(one_of(word, names("solvers")))
    return known[word.lower()]


def _plain(value: Any, inside: tuple[str | int, ...] = ()) -> Any:
    if isinstance(value, dict):
        for key, entry in value.items():
            _plain(entry, (*inside, key))
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _plain(entry, (*inside, index))
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


def kind_of(section: Any) -> str | None:
    if not isinstance(section, dict):
        return getattr(section, "kind", None)
    kind = section.get("kind", "target" if "target" in section else None)
    return kind if isinstance(kind, str) else None


Target = Annotated[str, AfterValidator(_target)]
Arguments = Annotated[dict[str, Any], AfterValidator(_plain)]
Activation = Annotated[str, AfterValidator(registered("activations"))]
Initialiser = Annotated[str, AfterValidator(registered("initialisers"))]
Family = Annotated[str, AfterValidator(registered("laws", "known"))]
LossName = Annotated[str, AfterValidator(_loss)]
OptimiserName = Annotated[str, AfterValidator(_optimiser)]
SolverName = Annotated[str, AfterValidator(_solver)]
Name = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Widths = Annotated[list[PositiveInt], Field(min_length=2)]


class Section(BaseModel):
    """What the sections share: no unknown keys, no conversions, no inf or nan."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False
    )
