"""The minimiser of a quadratic model in a ball."""

from typing import NamedTuple, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import BoolScalar, Scalar
from ._quadratic_model import QuadraticModel, lifted_values


@final
class TrustStep(NamedTuple):
    """A step, the decrease that the model promises, and whether it is at the boundary
    of the ball."""

    step: Float[Array, " D"]
    promised: Scalar
    bounded: BoolScalar


def trust_step(model: QuadraticModel, radius: Scalar) -> TrustStep:
    """The minimiser of the model in the ball about θ.

    In the eigenbasis z_i = −c_i/(λ_i + μ), with the least μ ≥ 0 for which all λ_i + μ ≥
    0 and |z| ≤ radius (Moré & Sorensen 1983, Lemma 2.3): |z| falls with μ, and μ is
    found by bisection. Where λ₁ < 0 and c₁ = 0, |z| may be less than the radius even at
    μ = −λ₁; then z goes on to the boundary along the first eigenvector.
    """
    slopes, (values, _) = model.slopes, lifted_values(model.values, model.top)
    saddle = values[0] < 0
    at = lambda shift: -slopes / (values + shift)
    base = jnp.where(saddle, -values[0] * (1 + 1e-6), 0)
    inside = jnp.linalg.norm(at(base)) <= radius

    def halve(_, bounds):
        low, high = bounds
        middle = (low + high) / 2
        out = jnp.linalg.norm(at(middle)) > radius
        return jnp.where(out, middle, low), jnp.where(out, high, middle)

    high = base + jnp.linalg.norm(slopes) / radius
    _, shift = jax.lax.fori_loop(0, 80, halve, (base, high))
    z = at(jnp.where(inside, base, shift))
    rest = jnp.sqrt(jnp.maximum(radius**2 - jnp.sum(z**2), 0))
    sign = jnp.where(z[0] < 0, -1, 1).astype(z.dtype)
    z = z.at[0].add(jnp.where(saddle & inside, sign * rest, 0))
    promised = -(slopes @ z + z**2 @ model.values / 2)
    return TrustStep(model.basis @ z, promised, saddle | ~inside)
