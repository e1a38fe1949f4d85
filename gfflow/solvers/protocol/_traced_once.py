"""A step that is traced once, however often a loop around it is."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import equinox as eqx

P = ParamSpec("P")
R = TypeVar("R")


def traced_once(step: Callable[P, R]) -> Callable[P, R]:
    """Diffrax traces a step three times for one loop: the second and the third time
    find what the first has traced. It is inlined, so that the program is the same."""
    return eqx.filter_jit(step, inline=True)  # pyright: ignore
