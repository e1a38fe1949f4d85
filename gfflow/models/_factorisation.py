"""Factorisation of a matrix."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray


class Factorisation(eqx.Module):
    """Row i of UVᵀ: a model of the rows of a matrix, called on their numbers.

    **Attributes:**

    - `left`: U, `(rows, rank)`; `right`: V, `(columns, rank)`.
    """

    left: Float[Array, "rows rank"]
    right: Float[Array, "columns rank"]

    def __init__(
        self,
        rows: int,
        columns: int,
        rank: int,
        *,
        key: PRNGKeyArray,
        positive: bool = True,
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `positive`: absolute values of Gaussians, for nonnegative factorisation under
            the entropy's mirror flow; otherwise Gaussians.
        - `init_scale`: their deviation, over √rank.
        """
        keys = jax.random.split(key)
        shapes = (rows, rank), (columns, rank)
        drawn = [jax.random.normal(k, shape) for k, shape in zip(keys, shapes)]
        size = init_scale / rank**0.5
        self.left, self.right = (size * (jnp.abs(x) if positive else x) for x in drawn)

    def __call__(self, row: Int[Array, ""]) -> Float[Array, " columns"]:
        return self.right @ self.left[row]
