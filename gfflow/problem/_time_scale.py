"""The rates of the parameters."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from .._checks import is_traced
from .._errors import ProblemError
from .._registry import suggest
from .._typing import Parameters
from ._parameters import parameter_paths
from ._paths import below, nearest


def as_time_scale(time_scale: Any, parameters: Parameters, dtype) -> PyTree[Array]:
    """A scalar, or a pytree like the parameters of scalars or arrays of their shapes.

    **Arguments:**

    - `time_scale`: one of these, or path (or prefix of paths) → rate. The longest
        prefix counts; a parameter below none has the rate 1.

    **Raises:** `ProblemError` for rates that are not positive and finite, of another
    structure or shape, or of no parameter.
    """
    structure = jtu.tree_structure(parameters)
    if isinstance(time_scale, Mapping) and jtu.tree_structure(time_scale) != structure:
        time_scale = _by_path(time_scale, parameters)
    leaves = jtu.tree_leaves(time_scale)
    for leaf in leaves:
        if not is_traced(leaf) and not np.all(
            np.isfinite(leaf) & (np.asarray(leaf) > 0)
        ):
            raise ProblemError(f"time_scale must be positive and finite; got {leaf}")
    if jtu.treedef_is_leaf(jtu.tree_structure(time_scale)) and leaves:
        scale = jnp.asarray(leaves[0], dtype)
        if scale.ndim == 0:
            return scale
    if jtu.tree_structure(time_scale) != structure:
        raise ProblemError(
            "time_scale is a scalar, a mapping from parameter paths to rates, or a "
            "pytree of the structure of Problem.parameters; got "
            f"{jtu.tree_structure(time_scale)}"
        )
    scale = jtu.tree_map(lambda s, p: jnp.asarray(s, p.dtype), time_scale, parameters)
    for rate, leaf in zip(jtu.tree_leaves(scale), jtu.tree_leaves(parameters)):
        if rate.ndim and rate.shape != leaf.shape:
            raise ProblemError(
                "each rate of time_scale is a scalar or has its parameter's shape; "
                f"got {rate.shape} for {leaf.shape}"
            )
    return scale


def _by_path(table: Mapping[Any, Any], parameters: Parameters) -> PyTree:
    paths = parameter_paths(parameters)
    for prefix in table:
        if not any(isinstance(prefix, str) and below(path, prefix) for path in paths):
            raise ProblemError(
                f"time_scale: no parameter of path {prefix!r}"
                f"{suggest(str(prefix), paths)}; there are: {', '.join(paths)}"
            )
    found = [nearest(path, table) for path in paths]
    rates = [1.0 if prefix is None else table[prefix] for prefix in found]
    return jtu.tree_unflatten(jtu.tree_structure(parameters), rates)
