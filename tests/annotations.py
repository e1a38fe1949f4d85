"""How the annotations of gfflow are checked while the tests run."""

from collections.abc import Callable
from typing import Any, Self, get_args

import pytest
from beartype import BeartypeConf, beartype


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
    serves all that are alike.
    """
    for name, hint in function.__annotations__.items():
        if Self in (hint, *get_args(hint)):
            function.__annotations__[name] = Any
    names = function.__code__.co_varnames
    known = (
        function.__module__,
        function.__qualname__,
        names,
        repr(function.__annotations__),
    )
    if known not in _checks:
        _checks[known] = _CHECK(function)
    return _checks[known]
