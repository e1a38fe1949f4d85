"""Diagonal linear networks."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ._counts import positive


@final
class DeepDiagonal(eqx.Module):
    """x ↦ (f₁ ∘ ⋯ ∘ f_L)ᵀ x, a linear network of diagonal layers.

    Laws: f_{l+1,i}² − f_{l,i}² for each input, width · (L − 1).

    **Attributes:**

    - `factors`: f, `(depth, width)`.
    """

    factors: Float[Array, "depth width"]

    def __init__(
        self, width: int, depth: int = 2, *, key: PRNGKeyArray, init_scale: float = 1.0
    ):
        """**Arguments:**

        - `init_scale`: the deviation of the Gaussian start.

        **Raises:** `ProblemError` for sizes that are not positive.
        """
        positive(width=width, depth=depth)
        self.factors = init_scale * jax.random.normal(key, (depth, width))

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " one"]:
        return jnp.sum(jnp.prod(self.factors, axis=0) * x)[None]


@final
class DiagonalDifference(eqx.Module):
    """x ↦ (u^L − v^L)ᵀ x, the powers entry by entry: from a small start it prefers
    sparse weights, from a large one small ones (Woodworth et al. 2020).

    Laws: one an input, u_i v_i for L = 2, and u_i^{2−L} + v_i^{2−L}, which is no
    polynomial, beyond: with the residual r, u' = −L u^{L−1} r and v' = L v^{L−1} r.

    **Attributes:**

    - `u`, `v`: `(width,)`.
    """

    u: Float[Array, " width"]
    v: Float[Array, " width"]
    depth: int = eqx.field(static=True)

    def __init__(
        self, width: int, depth: int = 2, *, key: PRNGKeyArray, init_scale: float = 1.0
    ):
        """**Arguments:**

        - `depth`: L.
        - `init_scale`: of the start, absolute values of Gaussians.

        **Raises:** `ProblemError` for sizes that are not positive.
        """
        positive(width=width, depth=depth)
        start = init_scale * jnp.abs(jax.random.normal(key, (2, width)))
        self.u, self.v = start
        self.depth = depth

    def __call__(self, x: Float[Array, " width"]) -> Float[Array, " one"]:
        return jnp.sum((self.u**self.depth - self.v**self.depth) * x)[None]
