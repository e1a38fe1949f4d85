"""Evidence is weighed in double precision, whatever the run was in."""

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np


def in_double(tree: Any) -> Any:
    """Every floating-point array in float64; call it under `double_precision`.

    In single precision a law that is false by 1e-6 cannot be told from a true one. The
    field, the laws and the saved states are the same functions and points in double.
    """

    def cast(leaf):
        if isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(
            leaf.dtype, jnp.floating
        ):
            return jnp.asarray(np.asarray(leaf), jnp.float64)
        return leaf

    return jtu.tree_map(cast, tree)


def double_precision():
    """A context in which JAX has float64; nothing outside of it changes."""
    return jax.enable_x64(True)


def coarsest_precision(function: Callable, *arguments: Any) -> float:
    """The largest machine precision of a float that `function` computes on the way.

    A model or a law may cast to single precision by itself; then its rates are no
    better than that, however they are evaluated.
    """
    jaxpr = eqx.filter_make_jaxpr(function)(*arguments)[0]
    found = [float(jnp.finfo(jnp.float64).eps)]
    for dtype in _dtypes(jaxpr.jaxpr):
        if jnp.issubdtype(dtype, jnp.floating):
            found.append(float(jnp.finfo(dtype).eps))
    return max(found)


def _dtypes(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            if hasattr(variable.aval, "dtype"):
                yield variable.aval.dtype
        for value in jtu.tree_leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(value):
                yield from _dtypes(getattr(value, "jaxpr", value))


def _is_jaxpr(value: Any) -> bool:
    return hasattr(value, "eqns")
