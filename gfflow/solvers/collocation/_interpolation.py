"""The collocation polynomial as dense output."""

from typing import final

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from diffrax import AbstractLocalInterpolation
from jaxtyping import Array, PyTree


@final
class LegendreInterpolation(AbstractLocalInterpolation):
    """y(t₀ + θh) = y₀ + h Σ_n coefficients_n P_n(2θ − 1), P_n Legendre's polynomials.

    **Attributes:**

    - `y0`: the state at t₀.
    - `coefficients`: like y0 with a leading axis of degree + 1.
    - `step`: h, signed as the terms sign it.
    """

    t0: Array
    t1: Array
    y0: PyTree[Array]
    coefficients: PyTree[Array]
    step: Array

    def evaluate(self, t0, t1=None, left: bool = True) -> PyTree[Array]:
        """y(t0), or y(t1) − y(t0) if t1 is given."""
        del left
        if t1 is not None:
            ends = self.evaluate(t1), self.evaluate(t0)
            return jtu.tree_map(jnp.subtract, *ends)
        width = self.t1 - self.t0
        theta = jnp.where(
            width == 0, 0, (t0 - self.t0) / jnp.where(width == 0, 1, width)
        )
        count = jtu.tree_leaves(self.coefficients)[0].shape[0]
        basis = legendre_values(2 * theta - 1, count)

        def value(y, rows):
            weights = basis.astype(rows.dtype)
            change = jnp.tensordot(
                weights, rows, axes=1, precision=jax.lax.Precision.HIGHEST
            )
            return y + self.step.astype(rows.dtype) * change

        return jtu.tree_map(value, self.y0, self.coefficients)


def legendre_values(x: Array, count: int) -> Array:
    """The first `count` of Legendre's polynomials at x, shape `(count, ...)`."""
    values = [jnp.ones_like(x), x]
    for n in range(1, count - 1):
        values.append(((2 * n + 1) * x * values[n] - n * values[n - 1]) / (n + 1))
    return jnp.stack(values[:count])


def from_hermite(dense: dict[str, PyTree[Array]], step: Array) -> PyTree[Array]:
    """Coefficients of (y(θ) − y₀)/h for Diffrax's cubic `dense` of y0, y1, h f₀, h f₁.

    θ = (P₀ + P₁)/2, θ² = P₀/3 + P₁/2 + P₂/6, θ³ = P₀/4 + 9P₁/20 + P₂/4 + P₃/20.
    """
    powers = [
        [1 / 2, 1 / 2, 0.0, 0.0],
        [1 / 3, 1 / 2, 1 / 6, 0.0],
        [1 / 4, 9 / 20, 1 / 4, 1 / 20],
    ]

    def rows(y0, y1, k0, k1):
        d = y1 - y0
        cubic = jnp.stack([k0, 3 * d - 2 * k0 - k1, k0 + k1 - 2 * d])
        basis = jnp.asarray(powers, y0.dtype).T
        return jnp.tensordot(basis, cubic, axes=1) / step.astype(y0.dtype)

    return jtu.tree_map(rows, *(dense[name] for name in ("y0", "y1", "k0", "k1")))
