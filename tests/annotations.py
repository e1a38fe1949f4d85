"""How the annotations of gfflow are checked while the tests run."""

from collections.abc import Callable
from typing import Any, Self, get_args

import pytest
from beartype import BeartypeConf, beartype
from jaxtyping import _typeguard


class AnnotationViolated(UserWarning):
    """A value that its annotation does not admit: an error, as each warning is, but in
    the tests of what gfflow itself says to it."""


# For tests that give, on purpose, what the annotations do not admit.
wrong_arguments = pytest.mark.filterwarnings(
    f"ignore::{__name__}.{AnnotationViolated.__name__}"
)

# An int is a float, as it is to pyright.
_CHECK = beartype(
    conf=BeartypeConf(is_pep484_tower=True, violation_type=AnnotationViolated)
)
_checks: dict[Any, Callable[..., Any]] = {}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked; beartype does not know what `Self` is
    outside of a class that it decorates.

    jaxtyping asks for it with functions of no body, which differ by their signatures
    alone, and for a function inside another at each call of that other: one check
    serves all that are alike. It asks twice, for the arguments, and for these with the
    result: there only the result is left to check.
    """
    hints, names = function.__annotations__, function.__code__.co_varnames
    of_result = hints.get("return", Any) is not Any
    for name, hint in hints.items():
        known_by_now = of_result and name != "return"
        if known_by_now or Self in (hint, *get_args(hint)):
            hints[name] = Any
    known = function.__module__, function.__qualname__, names, repr(hints)
    if known not in _checks:
        _checks[known] = _CHECK(function)
    return _checks[known]


def _checked_leaf(function: Callable[..., Any]) -> Callable[..., Any]:
    """What jaxtyping makes for each tree that it looks at, to look at its leaves: the
    most of its time, for leaves of one type."""
    (kind,) = function.__annotations__.values()
    if not isinstance(kind, type):
        return _whole_check(function)

    def accepts(leaf: Any) -> None:
        if not isinstance(leaf, kind):
            raise TypeError

    return accepts


_whole_check = _typeguard.typechecked
_typeguard.typechecked = _checked_leaf
