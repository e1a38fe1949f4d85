"""Dimension of the Lie algebra of the gradient fields at a point of GF(p)^D."""

import numpy as np

from ._modular import PrimeField
from ._nilpotent import Nilpotent
from ._parametrisation import Parametrisation

MARGIN = 8
DEEPEST = 5


def bracket_ranks(
    parametrisation: Parametrisation,
    prime: PrimeField,
    theta: np.ndarray,
    rng: np.random.Generator,
    enough: int,
) -> tuple[int, ...]:
    """dim L_0, dim L_1, … at θ, where L_0 = W and L_k = L_{k−1} + random left-normed
    brackets [X_k, […, [X_1, X_0]]] of X_j in W, [X, Y] = ∂Y·X − ∂X·Y.

    It stops at the first level that adds nothing, or at dimension `enough`, which is
    D less the number of independent laws that are known, and cannot be exceeded.

    **Sources.** Marcotte, Gribonval, Peyré 2023 (arXiv 2307.00144), Theorem 3.3: the
    number of laws is D − dim Lie(W)(θ) at a generic θ.

    **The bound is rigorous.** Each row is an element of Lie(W) at an integer point, mod
    p, and a rank mod p is at most the rank of the integers, which is at most the
    generic one. So D − dim L_k is at least the number of laws, whatever was drawn.

    **The last level.** Left-normed brackets span the free Lie algebra (Jacobi). Near a
    generic θ every dim L_k is constant. If dim L_{k+1} = dim L_k there, each
    field of L_{k+1} is a combination Σ f_i Y_i of brackets Y_i of L_k with functions
    f_i, and [X, Σ f_i Y_i] = Σ f_i [X, Y_i] + X(f_i) Y_i is in L_{k+1} = L_k again: L_k
    is closed under brackets with W, so L_{k+2} = L_k and so on. As many draws as
    dimensions are missing span the level, each being generic in it; 8 more are drawn.

    **Subset.** Where φ has many coordinates a random subset of them is used, doubled
    until the dimension of W stops growing. It can only lower a rank.
    """
    part, rows, rank = _gradients(parametrisation, prime, theta, rng, enough)
    ranks = [rank]
    while ranks[-1] < enough and len(ranks) <= DEEPEST:
        draws = enough - ranks[-1] + MARGIN
        shape = (len(ranks) + 1, 1, part.coordinates.count, draws)
        weights = prime.random(rng, shape)
        found = _bracket(part, Nilpotent(prime), theta[None, :, None], weights)
        rows = prime.basis(np.concatenate([rows, found[0].T]))
        ranks.append(len(rows))
        if ranks[-1] == ranks[-2]:
            break
    return tuple(ranks)


def spanning_weights(
    prime: PrimeField, count: int, size: int, rng: np.random.Generator
) -> np.ndarray:
    """M such that the X_M span W (size D): [1, count, batch]."""
    if count <= size + MARGIN:
        return np.eye(count, dtype=np.uint64)[None]
    return prime.random(rng, (1, count, size + MARGIN))


def _gradients(parametrisation, prime, theta, rng, enough):
    """Coordinates whose gradients span W, these at θ, and their rank."""
    number, rank = 2 * parametrisation.size, -1
    while True:
        part = parametrisation.restrict(number, rng)
        rows = part.jacobian(prime, theta)
        before, rank = rank, prime.rank(rows)
        if part is parametrisation or rank in (before, enough):
            return part, rows, rank
        number *= 2


def _bracket(part, algebra: Nilpotent, theta, weights) -> np.ndarray:
    """[X_k, […, [X_1, X_0]]] at θ in the algebra, X_j of weights[j]."""
    if len(weights) == 1:
        return part.field(algebra, theta, weights[0])
    outer = part.field(algebra, theta, weights[-1])
    along = _bracket(part, algebra.dual(), lift(theta, outer), weights[:-1])
    inner, derivative = np.split(along, 2)
    back = part.field(algebra.dual(), lift(theta, inner), weights[-1])
    return algebra.field.subtract(derivative, back[len(back) // 2 :])


def lift(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """x + ε y, of one ε more."""
    x, y = np.broadcast_arrays(x, y)
    return np.concatenate([x, y])
