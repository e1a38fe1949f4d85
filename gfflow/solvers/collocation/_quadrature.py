"""Coefficients of the collocation methods, computed in 60 digits and rounded once."""

import functools
from typing import Literal, NamedTuple

import mpmath
import numpy as np

Family = Literal["gauss", "radau"]

_DIGITS = 60


class Quadrature(NamedTuple):
    """A collocation method with s stages on [0, 1] (Hairer & Wanner, Solving ODEs II,
    §IV.5), everything rounded from 60 digits.

    - `nodes`: c, shape `(s,)`, increasing: the zeros of the shifted Legendre polynomial
        P_s (Gauss), or of P_s − P_{s−1}, which has the zero 1 (Radau IIA).
    - `matrix`: a_ij = ∫₀^{c_i} l_j, shape `(s, s)`, with l_j the Lagrange basis on c.
    - `weights`: b_j = ∫₀¹ l_j.
    - `filter`: γ > 0 of the error filter (1 − hγJ)⁻¹: the largest real part of an
        eigenvalue of A.
    - `error_start`, `error_stages`: the error estimate is h (Σ error_stages_i K_i +
        error_start f(y₀)): b minus the weights of the quadrature on {0, c₁ … c_{s−1}}.
    - `legendre`: shape `(s, s)`: row n takes the stage slopes to the coefficient of
        their interpolant at the n-th orthonormal Legendre polynomial on [0, 1].
    - `dense`: shape `(s + 1, s)`: stage slopes to the coefficients of ∫₀^θ Σ l_j K_j
        in the shifted Legendre polynomials P_0 … P_s.
    """

    nodes: np.ndarray
    matrix: np.ndarray
    weights: np.ndarray
    filter: float
    error_start: float
    error_stages: np.ndarray
    legendre: np.ndarray
    dense: np.ndarray


@functools.cache
def quadrature(family: Family, stages: int) -> Quadrature:
    """The coefficients of Gauss–Legendre or Radau IIA with `stages` stages."""
    with mpmath.workdps(_DIGITS):
        nodes = _nodes(family, stages)
        basis = _lagrange(nodes)
        matrix = mpmath.matrix(
            [[_integral(p, 0, c) for p in basis] for c in nodes]  # pyright: ignore
        )
        weights = [_integral(p, 0, 1) for p in basis]
        start, *others = [
            _integral(p, 0, 1) for p in _lagrange([mpmath.mpf(0), *nodes[:-1]])
        ]
        error = [b - d for b, d in zip(weights, [*others, mpmath.mpf(0)])]
        values, _ = mpmath.eig(matrix)
        shifted = [_legendre(n) for n in range(stages + 1)]
        gram = [mpmath.sqrt(2 * n + 1) for n in range(stages)]
        legendre = [
            [gram[n] * _integral(_times(shifted[n], p), 0, 1) for p in basis]
            for n in range(stages)
        ]
        antiderivatives = [_antiderivative(p) for p in basis]
        dense = [
            [
                (2 * n + 1) * _integral(_times(shifted[n], p), 0, 1)
                for p in antiderivatives
            ]
            for n in range(stages + 1)
        ]
        real = lambda rows: np.array([[float(x) for x in row] for row in rows])
        return Quadrature(
            nodes=np.array([float(c) for c in nodes]),
            matrix=real(matrix.tolist()),
            weights=np.array([float(b) for b in weights]),
            filter=float(max(w.real for w in values)),
            error_start=-float(start),
            error_stages=np.array([float(e) for e in error]),
            legendre=real(legendre),
            dense=real(dense),
        )


def _nodes(family: Family, stages: int) -> list:
    top = _legendre(stages)
    if family == "radau":
        below = [*_legendre(stages - 1), mpmath.mpf(0)]
        top = [a - b for a, b in zip(top, below)]
    roots = mpmath.polyroots(top[::-1], maxsteps=500, extraprec=400)
    nodes = sorted(mpmath.re(root) for root in roots)
    if family == "radau":
        nodes[-1] = mpmath.mpf(1)
    return nodes


def _legendre(degree: int) -> list:
    """Monomial coefficients on [0, 1], lowest first: (−1)ⁿ Σ C(n,k) C(n+k,k) (−x)ᵏ."""
    sign = (-1) ** degree
    return [
        sign * (-1) ** k * mpmath.binomial(degree, k) * mpmath.binomial(degree + k, k)
        for k in range(degree + 1)
    ]


def _lagrange(nodes: list) -> list[list]:
    basis = []
    for i, own in enumerate(nodes):
        polynomial = [mpmath.mpf(1)]
        for j, other in enumerate(nodes):
            if i != j:
                factor = [-other / (own - other), 1 / (own - other)]
                polynomial = _times(polynomial, factor)
        basis.append(polynomial)
    return basis


def _times(p: list, q: list) -> list:
    product = [mpmath.mpf(0)] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            product[i + j] += a * b
    return product


def _antiderivative(p: list) -> list:
    return [mpmath.mpf(0), *(a / (n + 1) for n, a in enumerate(p))]


def _integral(p: list, low, high):
    q = _antiderivative(p)
    return mpmath.polyval(q[::-1], high) - mpmath.polyval(q[::-1], low)
