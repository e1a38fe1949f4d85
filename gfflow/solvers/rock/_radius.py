"""The top of a symmetric operator's spectrum, in five copies of its argument."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from ..._linalg import eigh
from .._constants import (
    RADIUS_EXHAUSTED,
    RADIUS_GAIN,
    RADIUS_LEAST_PRODUCTS,
    RADIUS_MOST_PRODUCTS,
    RADIUS_NOISE,
    RADIUS_RESIDUAL,
)


class Top(NamedTuple):
    """**Attributes:**

    - `bound`: the largest Ritz value plus the norm of its residual.
    - `direction`: its Ritz vector, of norm 1.
    - `products`: how many were taken.
    """

    bound: Array
    direction: PyTree[Array]
    products: Array


class _Search(NamedTuple):
    x: PyTree[Array]
    image: PyTree[Array]
    last: PyTree[Array]
    last_image: PyTree[Array]
    residual: PyTree[Array]
    value: Array
    distance: Array
    gain: Array
    fresh: Array
    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]


def top(
    product: Callable[[PyTree], PyTree],
    guess: PyTree[Array],
    seed: Array,
    needed: Array,
) -> Top:
    """The algebraically largest eigenvalue by locally optimal conjugate gradients.

    Each iteration takes one product and maximises the Rayleigh quotient over the
    vector x, its residual and its last change (Knyazev 2001, algorithm 4.1 with one
    vector and no preconditioner). From a random start it converges about as fast as
    Lanczos' method, but keeps three directions instead of all of them. It stops when
    the residual is below 5 % of the value or the value grew by less than 0.3 %, not
    before 3 products nor after 50, and when there is no new direction any more.

    An eigenvalue lies within ‖Ax − θx‖ of θ; that it is the largest one is likely, not
    certain. The guess is mixed with noise, a tenth of it in norm, so that a direction
    that has overtaken it is found.

    **Arguments:**

    - `product`: v ↦ Av, A symmetric.
    - `guess`: a vector that is believed to be close; zero for none.
    - `seed`: of the noise.
    - `needed`: where false no product is taken and the result means nothing.
    """
    precise = widest(guess)
    noise = _unit(_normal(guess, seed), precise)[0]
    near, size = _unit(guess, precise)
    start = combine((near, noise), (1.0, jnp.where(size > 0, RADIUS_NOISE, 1.0)))
    nothing = jtu.tree_map(jnp.zeros_like, guess)
    first = _Search(
        x=nothing,
        image=nothing,
        last=nothing,
        last_image=nothing,
        residual=_unit(start, precise)[0],
        value=jnp.zeros((), precise),
        distance=jnp.ones((), precise),
        gain=jnp.ones((), precise),
        fresh=jnp.ones((), precise),
        count=jnp.asarray(0),
    )

    def go_on(s: _Search):
        size = jnp.abs(s.value)
        close = (s.distance <= RADIUS_RESIDUAL * size) | (s.gain <= RADIUS_GAIN * size)
        more = (s.count < RADIUS_MOST_PRODUCTS) & (s.fresh > RADIUS_EXHAUSTED)
        return needed & more & ((s.count < RADIUS_LEAST_PRODUCTS) | ~close)

    def iterate(s: _Search):
        image = product(s.residual)
        basis, images = (s.x, s.residual, s.last), (s.image, image, s.last_image)
        matrix = jnp.stack(
            [jnp.stack([dot(v, w, precise) for w in images]) for v in basis]
        )
        there = jnp.stack([s.count > 0, s.count >= 0, s.count > 1])
        below = -1 - 2 * jnp.sum(jnp.abs(matrix))
        both = there[:, None] & there[None, :]
        matrix = jnp.where(
            both, (matrix + matrix.T) / 2, below * jnp.eye(3, dtype=precise)
        )
        values, vectors = eigh(matrix)
        best, value = vectors[:, -1], values[-1]
        change = best.at[0].set(0)
        change = change - jnp.dot(change, best) * best
        length = jnp.sqrt(jnp.sum(change**2))
        change = change / jnp.where(length > 0, length, 1)
        x, image = combine(basis, best), combine(images, best)
        last, last_image = combine(basis, change), combine(images, change)
        residual, distance = _unit(combine((image, x), (1.0, -value)), precise)
        along = [-dot(v, residual, precise) for v in (x, last)]
        residual, fresh = _unit(combine((residual, x, last), (1.0, *along)), precise)
        gain = value - s.value
        vectors = x, image, last, last_image, residual
        return _Search(*vectors, value, distance, gain, fresh, s.count + 1)

    end = jax.lax.while_loop(go_on, iterate, first)
    return Top(end.value + end.distance, _unit(end.x, precise)[0], end.count)


def combine(vectors, weights) -> PyTree[Array]:
    """Σ weights_i vectors_i, in each leaf's own precision."""

    def leaf(*entries):
        scaled = [
            jnp.asarray(w, x.dtype) * x for w, x in zip(weights, entries, strict=True)
        ]
        return sum(scaled[1:], scaled[0])

    return jtu.tree_map(leaf, *vectors)


def dot(a: PyTree[Array], b: PyTree[Array], dtype) -> Array:
    """Σ a_i b_i over all leaves, summed in `dtype`."""
    parts = jtu.tree_map(lambda x, y: jnp.sum(x.astype(dtype) * y.astype(dtype)), a, b)
    return sum(jtu.tree_leaves(parts), jnp.zeros((), dtype))


def norm(a: PyTree[Array], dtype) -> Array:
    """The Euclidean norm of all entries together."""
    return jnp.sqrt(dot(a, a, dtype))


def widest(tree: PyTree[Array]):
    """The most precise dtype among the leaves, single at least."""
    kinds = [leaf.dtype for leaf in jtu.tree_leaves(tree)]
    return max([jnp.dtype(jnp.float32), *kinds], key=lambda kind: jnp.finfo(kind).bits)


def _unit(a, dtype):
    size = norm(a, dtype)
    return combine((a,), (1 / jnp.where(size > 0, size, 1),)), size


def _normal(like: PyTree[Array], seed: Array) -> PyTree[Array]:
    leaves, structure = jtu.tree_flatten(like)
    keys = jax.random.split(jax.random.fold_in(jax.random.key(0), seed), len(leaves))
    drawn = [
        jax.random.normal(key, leaf.shape, leaf.dtype)
        for key, leaf in zip(keys, leaves, strict=True)
    ]
    return jtu.tree_unflatten(structure, drawn)
