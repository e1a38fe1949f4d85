"""Deep brackets without nesting: Taylor coefficients of a pullback along a flow."""

from collections.abc import Callable

import numpy as np

from ._modular import PrimeField
from ._nilpotent import Nilpotent

LAST_ORDER = 64


def jet_ranks(
    prime: PrimeField,
    point: np.ndarray,
    path: Callable[[Nilpotent, np.ndarray], np.ndarray],
    fields: Callable[[Nilpotent, np.ndarray], np.ndarray],
    enough: int,
) -> tuple[int, ...]:
    """Dimension of the span of the Taylor coefficients of order 0, ≤ 1, ≤ 2, … in t of
    Φ_t^*X(s) = DΦ_t(s)⁻¹ X(Φ_t(s)): X the generators (the drift F and a basis of
    W), Φ the flow of a random combination Z_t of them that depends on time.

    It stops at the first order that adds nothing, or at dimension `enough`.

    **Arguments:**

    - `path`: (algebra, s [algebra, N, batch]) → Z_t(s).
    - `fields`: (algebra, s [algebra, N, 1]) → the X(s): [algebra, N, number].

    **The bound is rigorous.** d/dt Φ_t^*X = Φ_t^*[Z_t, X], so each coefficient is a
    combination, with denominators that divide order!, of nested brackets at s.

    **The last order.** Near a generic path the dimensions V_k(t) of orders ≤ k, seen
    from time t, are constant. If order k + 1 adds nothing, the derivative of V_k(t) is
    in V_k(t), which is then constant: it is the span V of the whole curve. And V is
    Lie(s): for a path that goes on from Φ_t(s) by any other flow Ψ the span does not
    grow (a generic path has the largest), so Φ_t^*Ψ^*X ∈ V for all Ψ and X. The Ψ^*X
    span Lie(Φ_t(s)) (Nagano, Sussmann), and Φ_t^* maps it onto Lie(s), so Lie(s) ⊂ V.
    """
    size = len(point)
    identity = np.eye(size, dtype=np.uint64)
    base = np.tile(point[:, None], size)
    flow = np.stack([base, identity])[:, None]
    inverse = identity[None]
    rows, ranks = identity[:0], []
    for order in range(LAST_ORDER + 1):
        jets = fields(Nilpotent(prime, order=order + 1), flow[0][:, :, :1])
        rows = prime.basis(np.concatenate([rows, _pulled(prime, inverse, jets).T]))
        ranks.append(len(rows))
        if ranks[-1] >= enough or ranks[-1:] == ranks[-2:-1]:
            break
        flow = _longer(prime, flow, path, order)
        inverse = _longer_inverse(prime, inverse, flow[1])
    return tuple(ranks)


def _pulled(prime: PrimeField, inverse, jets) -> np.ndarray:
    """The last coefficient of the product of two series."""
    total = np.zeros(jets.shape[1:], np.uint64)
    for a, b in zip(inverse, jets[::-1]):
        total += prime.matmul(a, b)
    return prime.reduce(total)


def _longer(prime: PrimeField, flow, path, order: int) -> np.ndarray:
    """One Taylor coefficient more of the flow and its derivative: [2, order, N, N]."""
    algebra = Nilpotent(prime, 1, order + 1)
    size = flow.shape[2]
    velocity = path(algebra, flow.reshape(-1, size, size))
    velocity = velocity.reshape(flow.shape)[:, -1:]
    factor = np.uint64(pow(order + 1, -1, prime.prime))
    return np.concatenate([flow, prime.reduce(velocity * factor)], axis=1)


def _longer_inverse(prime: PrimeField, inverse, derivative) -> np.ndarray:
    """Y⁻¹_n = −Σ_{i ≥ 1} Y_i Y⁻¹_{n−i}, Y_0 = 1."""
    total = np.zeros(derivative.shape[1:], np.uint64)
    for a, b in zip(derivative[1:], inverse[::-1]):
        total += prime.matmul(a, b)
    total = prime.reduce(total)
    return np.concatenate([inverse, prime.subtract(np.zeros_like(total), total)[None]])
