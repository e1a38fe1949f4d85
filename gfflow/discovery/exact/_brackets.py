"""Dimension of the Lie algebra of the fields of a flow at a point of GF(p)^N."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._modular import PrimeField
from ._nilpotent import Nilpotent
from ._parametrisation import Parametrisation

# (algebra, state, weights) → Σ_n weights_n G_n at the state; shapes as in
# `Table.gradient`.
Combine = Callable[[Nilpotent, np.ndarray, np.ndarray], np.ndarray]
MARGIN = 8
DEEPEST = 5


class BracketRows(NamedTuple):
    """Independent vectors of the Lie algebra of a flow at a point, and their recipes.

    The recipe (c_0, …, c_k) is [X_{c_k}, […, [X_{c_1}, X_{c_0}]]] with X_c = Σ_n cⁿ G_n
    and [X, Y] = ∂Y·X − ∂X·Y; G_0 is the drift, 0 for gradient flow, and G_1, … are the
    fields of coordinates of φ.

    **Attributes:**

    - `ranks`: dim L_0, dim L_1, …, where L_k is spanned by recipes of up to k + 1.
    - `recipes`: as many as the last rank.
    - `vectors`: their values mod p, `(rank, N)`.
    - `used`: which coordinates these are; `None` for all of them in order.
    """

    ranks: tuple[int, ...]
    recipes: tuple[tuple[int, ...], ...]
    vectors: np.ndarray
    used: np.ndarray | None


def gradient_rows(
    parametrisation: Parametrisation,
    prime: PrimeField,
    theta: np.ndarray,
    rng: np.random.Generator,
    enough: int,
) -> BracketRows:
    """Of gradient or mirror flow."""
    used, slopes = spanning_subset(parametrisation, prime, theta, rng, enough)
    part = parametrisation.taking(used)

    def combine(algebra: Nilpotent, at: np.ndarray, weights: np.ndarray) -> np.ndarray:
        if algebra.size == 1 and at.shape[2] == 1:
            return prime.matmul(weights[0, 1:].T, slopes).T[None]
        return part.field(algebra, at, weights[:, 1:])

    count = part.coordinates.count
    found = bracket_rows(combine, count, prime, theta, rng, enough, DEEPEST)
    return found._replace(used=used)


def spanning_subset(
    parametrisation: Parametrisation,
    prime: PrimeField,
    theta: np.ndarray,
    rng: np.random.Generator,
    enough: int,
) -> tuple[np.ndarray | None, np.ndarray]:
    """Coordinates of φ whose gradients span W at θ, `None` for all, and these X_i(θ).

    Where there are many, a random subset of them is doubled until the dimension stops
    growing. A subset can only lower it.
    """
    number, rank = 2 * parametrisation.size, -1
    while True:
        used = parametrisation.subset(number, rng)
        slopes = parametrisation.taking(used).jacobian(prime, theta)
        before, rank = rank, -1 if used is None else prime.rank(slopes)
        if used is None or rank in (before, enough):
            return used, slopes
        number *= 2


def bracket_rows(
    combine: Combine,
    count: int,
    prime: PrimeField,
    state: np.ndarray,
    rng: np.random.Generator,
    enough: int,
    deepest: int,
) -> BracketRows:
    """Recipes drawn at random, of ever more fields, and those that add a dimension.

    It stops at the first level that adds nothing, at level `deepest`, or at dimension
    `enough`, which is N less the number of independent laws that are known, and cannot
    be exceeded.

    **Arguments:** `count`: of the coordinates.

    **Sources.** Marcotte, Gribonval, Peyré 2023 (arXiv 2307.00144), Theorem 3.3: the
    number of laws is N − dim Lie(G)(s) at a generic s.

    **The bound is rigorous.** Each row is an element of the Lie algebra at an integer
    point, mod p, and a rank mod p is at most the rank of the integers, which is at most
    the generic one. So N − dim L_k is at least the number of laws, whatever was drawn.

    **The last level.** Left-normed brackets span the free Lie algebra (Jacobi). Near a
    generic s every dim L_k is constant. If dim L_{k+1} = dim L_k there, each
    field of L_{k+1} is a combination Σ f_i Y_i of brackets Y_i of L_k with functions
    f_i, and [X, Σ f_i Y_i] = Σ f_i [X, Y_i] + X(f_i) Y_i is in L_{k+1} = L_k again: L_k
    is closed under brackets with G, so L_{k+2} = L_k and so on.

    **The draws.** The vectors (1, c, c², …) ⊗ … ⊗ (1, c', c'², …) span the space of
    coefficients and are the points of an irreducible curve or product of such: each
    generic one is outside of any proper subspace. So as many draws as dimensions are
    missing span the level; 8 more are drawn.
    """
    ranks, recipes = [], []
    vectors = np.zeros((0, len(state)), np.uint64)
    while not ranks or (ranks[-1] < enough and len(ranks) <= deepest):
        drawn = prime.random(rng, (len(ranks) + 1, enough - len(vectors) + MARGIN))
        weights = _powers(prime, drawn, 1 + count)
        found = _bracket(combine, Nilpotent(prime), state[None, :, None], weights)
        every = np.concatenate([vectors, found[0].T])
        kept = prime.independent(every)
        new = drawn[:, np.asarray(kept[len(vectors) :], int) - len(vectors)]
        recipes += [tuple(recipe) for recipe in new.T.tolist()]
        vectors = every[kept]
        ranks.append(len(vectors))
        if ranks[-1:] == ranks[-2:-1]:
            break
    return BracketRows(tuple(ranks), tuple(recipes), vectors, None)


def spanning_weights(
    prime: PrimeField, count: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """M such that the X_M span W (size D): [1, count, batch]."""
    if count <= size + MARGIN:
        return np.eye(count, dtype=np.uint64)[None]
    return prime.random(rng, (1, count, size + MARGIN))


def _powers(prime: PrimeField, drawn: np.ndarray, count: int) -> np.ndarray:
    """cⁿ for n < count: [fields, draws] → [fields, 1, count, draws]."""
    found = np.ones((len(drawn), 1, count, drawn.shape[1]), np.uint64)
    for n in range(1, count):
        found[:, 0, n] = prime.reduce(found[:, 0, n - 1] * drawn)
    return found


def _bracket(combine: Combine, algebra: Nilpotent, state, weights) -> np.ndarray:
    """[X_k, […, [X_1, X_0]]] at a state of the algebra, X_j of weights[j]."""
    if len(weights) == 1:
        return combine(algebra, state, weights[0])
    outer = combine(algebra, state, weights[-1])
    along = _bracket(combine, algebra.dual(), lift(state, outer), weights[:-1])
    inner, derivative = np.split(along, 2)
    back = combine(algebra.dual(), lift(state, inner), weights[-1])
    return algebra.field.subtract(derivative, back[len(back) // 2 :])


def lift(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x + ε y, of one ε more."""
    x, y = np.broadcast_arrays(x, y)
    return np.concatenate([x, y])
