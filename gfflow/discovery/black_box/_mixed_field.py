"""Random combinations of the fields of a subject."""

from collections.abc import Callable
from functools import partial
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from ..._typing import Scalar
from ..subject import Datum, Drift, Field

MIXED = 6
_FAINT = 1e-3

Vector = Float[Array, " S"]


@final
class MixedField(eqx.Module):
    """push·drift(z) + Σ_i weights_i field(z, datum_i)."""

    combined: Callable[[Vector, Array, Scalar, Datum], Vector] = eqx.field(static=True)
    weights: Float[Array, " data"]
    push: Scalar
    data: Datum

    def __call__(self, z: Vector) -> Vector:
        return self.combined(z, self.weights, self.push, self.data)


def mixed_fields(
    field: Field, drift: Drift | None
) -> Callable[[Vector, Float[Array, "fields data_and_push"], Datum], list[MixedField]]:
    """(z0, weights, data) → the fields of their rows, each datum over its length at z0,
    and left out where its field is not finite there.

    What is a thousand times shorter than another stays faint, since the little that a
    saturated unit lets through is round-off.
    """

    # Traced once, however many brackets of it are differentiated.
    @partial(jax.jit, inline=True)
    def combined(z, weights, push, data):
        made = jax.vmap(lambda datum: field(z, datum))(data)
        total = weights @ jnp.where(weights[:, None] == 0, 0, made)
        return total if drift is None else total + push * drift(z)

    def rows(z0, weights, data):
        length = lambda datum: jnp.linalg.norm(field(z0, datum))
        lengths = jax.vmap(jax.vmap(length))(data)
        usable = jnp.isfinite(lengths) & (lengths > 0)
        lengths = jnp.where(usable, lengths, 0)
        longest = jnp.max(lengths, axis=1, keepdims=True)
        lengths = jnp.maximum(lengths, _FAINT * longest)
        own = weights[:, :MIXED]
        own = jnp.where(usable, own / jnp.where(usable, lengths, 1), 0)
        pick = lambda k: jtu.tree_map(lambda a: a[k], data)
        return [
            MixedField(combined, own[k], weights[k, MIXED], pick(k))
            for k in range(len(weights))
        ]

    return rows
