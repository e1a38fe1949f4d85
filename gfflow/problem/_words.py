"""Words of error messages."""

import jax
import jax.tree_util as jtu
import numpy as np
from jaxtyping import PyTree


def first_line(error: Exception) -> str:
    """The kind of the error and the first line of its message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")


def shapes(tree: PyTree) -> str:
    """Such as `float64[3, 2], int64[]`; the class of what is no array."""
    known = jax.Array | np.ndarray | jax.ShapeDtypeStruct
    leaves = [
        f"{x.dtype}{list(x.shape)}" if isinstance(x, known) else type(x).__name__
        for x in jtu.tree_leaves(tree)
    ]
    return ", ".join(leaves) or "nothing"
