"""Sizes of models, checked."""

from collections.abc import Sequence
from typing import Any

from .._errors import ProblemError


def positive(**sizes: Any) -> None:
    """**Raises:** `ProblemError` for one that is no positive integer."""
    for name, size in sizes.items():
        if not _is_positive(size):
            raise ProblemError(
                f"{name} is a positive integer; got {size!r}", argument=name
            )


def several_positive(least: int, **sizes: Any) -> None:
    """**Raises:** `ProblemError` for one that is no list of at least so many positive
    integers."""
    for name, given in sizes.items():
        listed = isinstance(given, Sequence) and not isinstance(given, str)
        if not listed or len(given) < least or not all(map(_is_positive, given)):
            raise ProblemError(
                f"{name} is a list of positive integers, {least} or more; got "
                f"{given!r}",
                argument=name,
            )


def among(words: Sequence[str], **choices: Any) -> None:
    """**Raises:** `ProblemError` for one that is none of the words."""
    for name, word in choices.items():
        if word not in words:
            raise ProblemError(
                f"{name} is one of {', '.join(words)}; got {word!r}", argument=name
            )


def _is_positive(size: Any) -> bool:
    return isinstance(size, int) and not isinstance(size, bool) and size > 0
