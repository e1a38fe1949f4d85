"""Walking through JAX programs."""

from collections.abc import Iterator
from typing import Any, TypeGuard

import jax.tree_util as jtu
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var


def equations(program: Jaxpr | ClosedJaxpr) -> Iterator[JaxprEqn]:
    """The equations of a program, and after each those of the programs in it."""
    jaxpr = program.jaxpr if isinstance(program, ClosedJaxpr) else program
    for equation in jaxpr.eqns:
        yield equation
        for value in jtu.tree_leaves(
            list(equation.params.values()), is_leaf=_is_program
        ):
            if _is_program(value):
                yield from equations(value)


def dtype_of(variable: Var | Literal) -> np.dtype | None:
    """Of what a variable of a program stands for; `None` if it is no array."""
    aval = variable.aval
    return aval.dtype if isinstance(aval, ShapedArray) else None


def _is_program(value: Any) -> TypeGuard[Jaxpr | ClosedJaxpr]:
    return isinstance(value, Jaxpr | ClosedJaxpr)
