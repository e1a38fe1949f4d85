"""The stiff directions of a Jacobian, followed along a trajectory."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..._linalg import cholesky, solve_lower
from .._constants import (
    DEPENDENT_DIRECTION,
    FEW_DIRECTIONS,
    LARGEST_DRIFT,
    NEW_DIRECTIONS,
    PRODUCT_BLOCK,
    STIFF_DIRECTION,
)
from ._prediction import logarithmic_time

Field = Callable[[Array], Array]


class Deflation(NamedTuple):
    """J ≈ Wᵀ Q with orthonormal rows of Q and W = Q Jᵀ: exact on the span of Q.

    - `basis`: Q, shape `(k, D)`; the rows from `count` on are 0.
    - `images`: W, row i is J times row i of Q.
    - `drift`: what W gained from `before` to `when`, the time at which it was taken.
    """

    basis: Float[Array, "k D"]
    images: Float[Array, "k D"]
    drift: Float[Array, "k D"]
    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    when: Float[Array, ""]
    before: Float[Array, ""]

    @classmethod
    def none(cls, size: int, most: int, dtype, t0) -> "Deflation":
        """Of no direction."""
        empty = jnp.zeros((most, size), dtype)
        return cls(empty, empty, empty, jnp.asarray(0, int), t0, t0)

    def drifted(self, old: "Deflation") -> "Deflation":
        """With the drift since `old`, 0 if that is of no direction.

        Of the old Jacobian only W₀ᵀ Q₀ is known, so the two are compared on the span of
        Q₀: with R = Q₀ Qᵀ, the gain of the images of Q is Rᵀ (R W − W₀). Where it is
        not small, less of it is believed.
        """

        def gain(rows):
            overlap = old.basis[:rows] @ self.basis[:rows].T
            lost = overlap @ self.images[:rows] - old.images[:rows]
            return padded(overlap.T @ lost, len(self.basis))

        few = jnp.maximum(old.count, self.count) <= FEW_DIRECTIONS
        drift = by_size(few, len(self.basis), gain)
        size = jnp.linalg.norm(drift)
        most = LARGEST_DRIFT * jnp.linalg.norm(self.images)
        drift = drift * jnp.where(size > most, most / jnp.where(size > 0, size, 1), 1)
        return self._replace(drift=drift, before=old.when)

    def weights(self, times: Array, t0: Array, h: Array, h_old: Array) -> Array:
        """δ(t) for W(t) ≈ W + δ(t)·drift: 0 at `when` and −1 at `before`.

        Linear in `logarithmic_time`; in t where that does not reach back to `before`.
        """
        safe = jnp.where(h_old != 0, h_old, 1)
        units = lambda t: (t - t0) / safe + 1
        before, when = units(self.before), units(self.when)
        clock = logarithmic_time(
            jnp.where(h_old != 0, h / safe, 1), jnp.minimum(before, when)
        )
        gap = clock(when) - clock(before)
        ahead = clock(units(times)) - clock(when)
        return jnp.where(gap != 0, ahead / jnp.where(gap != 0, gap, 1), 0)


def by_size(few: Array, most: int, work: Callable[[int], PyTree[Array]]) -> Any:
    """`work` on the first 20 rows where these are all that are used, or on all."""
    if most <= FEW_DIRECTIONS:
        return work(most)
    return jax.lax.cond(few, lambda: work(FEW_DIRECTIONS), lambda: work(most))


def padded(rows: Array, most: int) -> Array:
    """With rows of 0 up to `most`."""
    return jnp.pad(rows, ((0, most - len(rows)), *((0, 0),) * (rows.ndim - 1)))


def next_basis(
    old: Deflation,
    extra: Float[Array, "e D"],
    start: Float[Array, " D"],
    state: Float[Array, " D"],
    h: Array,
) -> tuple[Float[Array, "k D"], Array]:
    """The basis for the next product, and how many of its rows are used.

    One step of orthogonal iteration: the images J Q of the old basis, ordered by size,
    are made orthonormal. Of them those stay that are stiff, h·|λ| > 0.15, and as many
    more as fill whole blocks. Two at least are directions of `extra`, the part of
    the last residual that the old space did not hold. Where all that was known is
    stiff, the space doubles, by `extra` and scattered directions. Where nothing was
    known it is made of `start` and scattered directions.

    `start` is the slope at the start of the step, `state` where J is taken. Scattered
    directions leave out the entries in which both are 0: so every row stays in a set
    {y_i = 0, i in I} that the flow does not leave, such as that of diagonal weights.
    For J maps the set into itself, without rounding, and with rows in it so does
    Newton's correction; with rows across it the correction would be of the wrong size
    in the entries that are 0, whose tolerance is the absolute one. An entry that leaves
    0 later is found by `extra`.
    """
    most, size = old.basis.shape

    def work(rows):
        norms = jnp.linalg.norm(old.images[:rows], axis=1)
        order = jnp.argsort(-norms)
        kept, left = _reduced(old.images[:rows][order])
        stiff = jnp.sum(jnp.abs(h) * left * norms[order] > STIFF_DIRECTION)
        wanted = jnp.where(stiff >= old.count, 2 * stiff, stiff + NEW_DIRECTIONS)
        blocks = -(-jnp.clip(wanted, 1, rows) // PRODUCT_BLOCK)
        count = jnp.minimum(blocks * PRODUCT_BLOCK, min(rows, size))
        new = jnp.where(count < size, min(NEW_DIRECTIONS, len(extra)), 0)
        heads = jnp.minimum(old.count, count - new)
        first = jnp.where(old.count > 0, extra[:1], start[None])
        some = jnp.concatenate([first, extra[1:]])
        known = jnp.linalg.norm(some, axis=1, keepdims=True) > 0
        others = _scattered(len(extra) + PRODUCT_BLOCK, start)
        others = jnp.where((start != 0) | (state != 0), others, 0)
        some = jnp.where(known, some, others[PRODUCT_BLOCK:])
        others = jnp.concatenate([some, others[:PRODUCT_BLOCK]])
        place = jnp.arange(rows)
        chosen = others[jnp.clip(place - heads, 0, len(others) - 1)]
        used = (place < count) & (place - heads < len(others))
        chosen = jnp.where(used[:, None], chosen, 0)
        kept = jnp.where((place < heads)[:, None], kept, chosen)
        twice = lambda _, made: _reduced(made)[0]
        return padded(jax.lax.fori_loop(0, 2, twice, kept), most), count

    return by_size(old.count <= FEW_DIRECTIONS - PRODUCT_BLOCK, most, work)


def _scattered(count: int, like: Float[Array, " D"]) -> Float[Array, "{count} D"]:
    """Rows in general position: Weyl's equidistributed sequences."""
    places = jnp.arange(1, like.size + 1, dtype=like.dtype)
    turns = 2**0.5 * jnp.arange(1, count + 1, dtype=like.dtype)
    return jnp.mod(places[None] * turns[:, None], 1) - 0.5


def images(field: Field, state: Array, basis: Array, count: Array) -> Array:
    """J times the first `count` rows of the basis, a block at a time."""
    product = jax.vmap(jax.linearize(field, state)[1])
    size = min(PRODUCT_BLOCK, len(basis))

    def step(carry):
        start, made = carry
        start = jnp.minimum(start, len(basis) - size)
        rows = jax.lax.dynamic_slice_in_dim(basis, start, size)
        made = jax.lax.dynamic_update_slice_in_dim(made, product(rows), start, 0)
        return start + size, made

    going = lambda carry: carry[0] < count
    start = jnp.asarray(0), jnp.zeros_like(basis)
    return jax.lax.while_loop(going, step, start)[1]


def _reduced(rows: Float[Array, "k D"]) -> tuple[Float[Array, "k D"], Array]:
    """The rows made orthonormal in their order, by Cholesky's factor of their Gram
    matrix; and what of each, over its length, was not in the span of those before.

    A row that is 0, or in the span of those before, becomes 0.
    """
    sizes = jnp.linalg.norm(rows, axis=1)
    usable = jnp.isfinite(sizes) & (sizes > 0)
    unit = jnp.where(usable[:, None], rows / jnp.where(usable, sizes, 1)[:, None], 0)
    gram = unit @ unit.T
    ridge = 10 * len(rows) * jnp.finfo(rows.dtype).eps
    factor = cholesky(gram + jnp.diag(jnp.where(usable, ridge, 1.0)))
    left = jnp.where(usable, jnp.diagonal(factor), 0)
    made = solve_lower(factor, unit)
    lost = (left < DEPENDENT_DIRECTION) | ~jnp.isfinite(left)
    return jnp.where(lost[:, None], 0, made), jnp.where(lost, 0, left)
