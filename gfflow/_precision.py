"""Evidence is weighed in double precision, whatever the run was in."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.extend.core import ClosedJaxpr

from ._jaxpr import dtype_of, equations


def in_double(tree: Any) -> Any:
    """Every real array in float64, every complex one in complex128; call it under
    `double_precision`.

    In single precision a law that is false by 1e-6 cannot be told from a true one. The
    field, the laws and the saved states are the same functions and points in double.
    """

    def cast(leaf):
        if not isinstance(leaf, jax.Array | np.ndarray):
            return leaf
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.asarray(np.asarray(leaf), jnp.float64)
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            return jnp.asarray(np.asarray(leaf), jnp.complex128)
        return leaf

    return jtu.tree_map(cast, tree)


def double_precision():
    """A context in which JAX has float64; nothing outside of it changes."""
    return jax.enable_x64(True)


def coarsest_precision(function: Callable, *arguments: Any) -> float:
    """The largest machine precision of a number that `function` computes on the way.

    A model or a law may cast to single precision by itself; then its rates are no
    better than that, however they are evaluated.
    """
    return coarsest_in(eqx.filter_make_jaxpr(function)(*arguments)[0])


def coarsest_in(program: ClosedJaxpr) -> float:
    """The largest machine precision of a number that a program computes, float64's or
    larger."""
    found = [float(jnp.finfo(jnp.float64).eps)]
    for equation in equations(program):
        for dtype in map(dtype_of, equation.outvars):
            if dtype is not None and jnp.issubdtype(dtype, jnp.inexact):
                found.append(float(jnp.finfo(dtype).eps))
    return max(found)
