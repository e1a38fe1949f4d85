"""Evidence is weighed in double precision, whatever the run was in."""

from typing import Any

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
