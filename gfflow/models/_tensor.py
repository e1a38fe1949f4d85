"""Factorisation of a tensor."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from ._counts import positive, several_positive


@final
class TensorFactorisation(eqx.Module):
    """Σ_r A₁[i₁,r] ⋯ A_m[i_m,r]: a model of the entries of a tensor, called on their
    indices (the canonical polyadic decomposition, Hitchcock 1927).

    Laws: ‖A_{l+1}[:,r]‖² − ‖A_l[:,r]‖² for each term, rank · (m − 1); of two factors
    the matrix A₁ᵀA₁ − A₂ᵀA₂.

    **Attributes:**

    - `factors`: A_l, `(sizes[l], rank)`.
    """

    factors: tuple[Float[Array, "size rank"], ...]

    def __init__(
        self,
        sizes: Sequence[int],
        rank: int,
        *,
        key: PRNGKeyArray,
        init_scale: float = 1.0,
    ):
        """**Arguments:**

        - `sizes`: of the tensor.
        - `rank`: the number of terms.
        - `init_scale`: the deviation of the Gaussian start, over rank^(1/2m).

        **Raises:** `ProblemError` for sizes that are not positive.
        """
        several_positive(2, sizes=sizes)
        positive(rank=rank)
        size = init_scale / rank ** (1 / (2 * len(sizes)))
        self.factors = tuple(
            size * jax.random.normal(k, (n, rank))
            for k, n in zip(jax.random.split(key, len(sizes)), sizes)
        )

    def __call__(self, index: Int[Array, " m"]) -> Float[Array, ""]:
        take = lambda a, i: jnp.take(a, i, axis=0, mode="clip")
        rows = jnp.stack([take(a, i) for a, i in zip(self.factors, index)])
        return jnp.sum(jnp.prod(rows, axis=0))
