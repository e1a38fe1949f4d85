"""How the annotations of gfflow are checked while the tests run."""

from collections.abc import Callable
from typing import Any, Self, get_args

from beartype import BeartypeConf, beartype

# An int is a float, as it is to pyright.
_CHECK = beartype(conf=BeartypeConf(is_pep484_tower=True))


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with its annotations checked; beartype does not know what `Self` is
    outside of a class that it decorates."""
    for name, hint in function.__annotations__.items():
        if Self in (hint, *get_args(hint)):
            function.__annotations__[name] = Any
    return _CHECK(function)
