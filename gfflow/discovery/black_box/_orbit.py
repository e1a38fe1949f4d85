"""Tangent vectors of the orbit of a point, by flowing along fields and back."""

from collections.abc import Callable, Sequence

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_Field = Callable[[Array], Array]

FLOWS = 2
_DURATION = 0.4
_STEPS = 24
_MISS = 1e-13


def carried_back(fields: Sequence[_Field], z: Float[Array, " S"]) -> Float[Array, " S"]:
    """(DΦ)⁻¹X(Φ(z)) over its length, X the last field and Φ the flow of the others.

    These lie in the tangent space at z of the orbit of z, and span it for random Φ and
    X; for analytic fields it is Lie(W)(z) (Nagano 1966; Sussmann 1973). So they hold
    brackets of every depth without nested differentiation: the vector at Φ(z) is
    carried back by the derivative of the inverse flow. It is NaN where the way back
    misses z: where the fields are too rough for the integrator.
    """
    *flows, last = fields
    there = z
    for field in flows:
        there = _flowed(field, there, _DURATION)

    def back(w):
        for field in reversed(flows):
            w = _flowed(field, w, -_DURATION)
        return w

    reached, carried = jax.jvp(back, (there,), (last(there),))
    size = jnp.linalg.norm(carried)
    missed = jnp.linalg.norm(reached - z) > _MISS * (1 + jnp.linalg.norm(z))
    return jnp.where(missed, jnp.nan, carried / jnp.where(size > 0, size, 1))


def _flowed(field: _Field, z: Array, duration: float) -> Array:
    """Along X/√(1 + |X|²), by Dormand and Prince's method of order 8."""
    tableau = diffrax.Dopri8.tableau
    stages = len(tableau.b_sol)
    lower = np.zeros((stages, stages))
    for k, row in enumerate(tableau.a_lower, start=1):
        lower[k, : len(row)] = row
    rows, weights = jnp.asarray(lower), jnp.asarray(np.asarray(tableau.b_sol))
    h = duration / _STEPS

    def unit(y):
        x = field(y)
        return x / jnp.sqrt(1 + jnp.sum(x**2))

    def step(y, _):
        def stage(k, slopes):
            return slopes.at[k].set(unit(y + h * (rows[k] @ slopes)))

        slopes = jnp.zeros((stages, y.size), y.dtype)
        slopes = jax.lax.fori_loop(0, stages, stage, slopes)
        return y + h * (weights @ slopes), None

    return jax.lax.scan(step, z, None, length=_STEPS)[0]
