"""Random fields of W at a point, and their brackets, by differentiation."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from ._subject import Datum, Subject

_ROWS = 256
_BRACKETS = 32
_MIXED = 6
_AT_ONCE = 16
_NOISE = 1e-10


class Fields:
    """Samples of W_ψ, and of the brackets of its fields, at any ψ.

    A field is X_c(ψ) = Σ_i c_i ∇_ψ value(ψ, datum_i), of one datum for a row of W and
    of six for a bracket, each c_i one over the length of its gradient.
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self._row = jax.jit(jax.vmap(jax.grad(subject.value), in_axes=(None, 0)))
        self._bracket = lru_cache(maxsize=None)(self._compiled_bracket)

    def rows(
        self, random: np.random.Generator, psi: np.ndarray, count: int
    ) -> Float[np.ndarray, "n D"]:
        """At least `count` gradients of unit length at ψ; those that are 0 or not
        finite are left out."""
        made = []
        for _ in range(-(-count // _ROWS)):
            data = self.subject.draw(random, _ROWS)
            made.append(np.asarray(self._row(jnp.asarray(psi), data)))
        return _unit(np.concatenate(made))

    def brackets(
        self, random: np.random.Generator, psi: np.ndarray, level: int
    ) -> Float[np.ndarray, "n D"]:
        """32 brackets [X_level, [X_{level−1}, … [X_1, X_0]]] at ψ, each over the sum of
        the lengths of the two terms that it is the difference of."""
        shape = (_BRACKETS, level + 1, _MIXED)
        data = self.subject.draw(random, _BRACKETS * (level + 1) * _MIXED)
        data = jtu.tree_map(lambda a: a.reshape(*shape, *a.shape[1:]), data)
        signs = jnp.asarray(random.standard_normal(shape))
        found = np.asarray(self._bracket(level)(jnp.asarray(psi), signs, data))
        return found[np.all(np.isfinite(found), axis=1)]

    def _compiled_bracket(self, level: int):
        field = partial(_field, self.subject.value)

        def one(psi, weights, data):
            length = lambda d: jnp.linalg.norm(jax.grad(self.subject.value)(psi, d))
            lengths = jax.vmap(jax.vmap(length))(data)
            usable = jnp.isfinite(lengths) & (lengths > 0)
            weights = jnp.where(usable, weights / jnp.where(usable, lengths, 1), 0)
            pick = lambda k: (weights[k], jtu.tree_map(lambda a: a[k], data))
            made, size = _nested(field, [pick(k) for k in range(level + 1)])(psi)
            return made / jnp.where(size > 0, size, 1)

        def every(psi, weights, data):
            each = lambda chosen: one(psi, *chosen)
            return jax.lax.map(each, (weights, data), batch_size=_AT_ONCE)

        return jax.jit(every)


def _field(value, psi: Float[Array, " D"], weights: Array, data: Datum):
    total = lambda p: weights @ jax.vmap(lambda d: value(p, d))(data)
    return jax.grad(total)(psi)


def _nested(field, chosen):
    """ψ → ([X_k, [… [X_1, X_0]]], the sum of the lengths of its last two terms).

    [X, Z] = ∂Z·X − ∂X·Z. A bracket of one that is itself round-off is 0.
    """
    last = partial(_apply, field, chosen[-1])
    if len(chosen) == 1:
        return lambda psi: (last(psi), jnp.asarray(1.0))
    before = _nested(field, chosen[:-1])

    def bracket(psi):
        x = last(psi)
        (z, size), (gained, _) = jax.jvp(before, (psi,), (x,))
        lost = jax.jvp(last, (psi,), (z,))[1]
        scale = jnp.linalg.norm(gained) + jnp.linalg.norm(lost)
        noise = jnp.linalg.norm(jax.lax.stop_gradient(z)) < _NOISE * size
        return jnp.where(noise, 0, gained - lost), jax.lax.stop_gradient(scale)

    return bracket


def _apply(field, chosen, psi):
    return field(psi, *chosen)


def _unit(rows: np.ndarray) -> np.ndarray:
    rows = rows[np.all(np.isfinite(rows), axis=1)]
    sizes = np.max(np.abs(rows), axis=1, initial=0.0)
    rows = rows[sizes > 0] / sizes[sizes > 0, None]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)
