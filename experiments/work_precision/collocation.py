"""Radau IIA collocation in extended precision, for the reference solutions.

Independent of gfflow: NumPy, explicit stages, and a correction by a few eigenpairs of
the Hessian in double precision, which decides how fast the iteration converges but not
what it converges to.
"""

from collections.abc import Callable
from typing import NamedTuple

import mpmath
import numpy as np
from extended import Extended


class Tableau(NamedTuple):
    """Radau IIA with s stages: order 2s − 1, stage order s (Hairer & Wanner, IV.5).

    **Attributes:**

    - `nodes` `(s,)`, `matrix` `(s, s)`; the weights are its last row.
    - `defect` `(s + 1,)`: the weights less those of the quadrature on 0 and all nodes
        but the last, for the error estimate, the slope at 0 first.
    - `values`, `vectors`, `inverse`: matrix = vectors · diag(values) · inverse.
    """

    nodes: np.ndarray
    matrix: np.ndarray
    defect: np.ndarray
    values: np.ndarray
    vectors: np.ndarray
    inverse: np.ndarray

    @classmethod
    def of(cls, stages: int) -> "Tableau":
        """With 40 digits, then rounded."""
        with mpmath.workdps(40):
            return cls._build(stages)

    @classmethod
    def _build(cls, s):
        # Zeros of P_s(2c - 1) - P_{s-1}(2c - 1).
        polynomial = lambda c: (
            mpmath.legendre(s, 2 * c - 1) - mpmath.legendre(s - 1, 2 * c - 1)
        )
        double = np.polynomial.legendre.Legendre([0] * (s - 1) + [-1, 1]).roots()
        guesses = (np.sort(np.real(double)) + 1) / 2
        nodes = [mpmath.findroot(polynomial, mpmath.mpf(g)) for g in guesses[:-1]]
        nodes.append(mpmath.mpf(1))
        powers = mpmath.matrix(s, s)
        integrals = mpmath.matrix(s, s)
        for i, c in enumerate(nodes):
            for k in range(s):
                powers[i, k] = c**k
                integrals[i, k] = c ** (k + 1) / (k + 1)
        matrix = integrals * mpmath.inverse(powers)
        shifted = [mpmath.mpf(0), *nodes[:-1]]
        vandermonde = mpmath.matrix(s, s)
        for i, c in enumerate(shifted):
            for k in range(s):
                vandermonde[k, i] = c**k
        moments = mpmath.matrix([mpmath.mpf(1) / (k + 1) for k in range(s)])
        other = mpmath.lu_solve(vandermonde, moments)
        defect = [-other[0]]
        defect += [matrix[s - 1, i] - other[i + 1] for i in range(s - 1)]
        defect.append(matrix[s - 1, s - 1])
        table = np.array([[_round(matrix[i, j]) for j in range(s)] for i in range(s)])
        values, vectors = np.linalg.eig(table.astype(float))
        return cls(
            np.array([_round(c) for c in nodes]),
            table,
            np.array([_round(d) for d in defect]),
            values,
            vectors,
            np.linalg.inv(vectors),
        )


class Trajectory(NamedTuple):
    """Where it ended, and the ends of all steps on the way."""

    state: np.ndarray
    times: list[float]
    states: list[np.ndarray]
    gradients: int


Spectrum = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def integrate(
    slope: Callable[[np.ndarray], np.ndarray],
    spectrum: Spectrum,
    start: np.ndarray,
    horizons: tuple[float, ...],
    tolerance: float,
    stages: int = 7,
) -> list[Trajectory]:
    """y' = slope(y) from 0 to each horizon in turn.

    **Arguments:**

    - `spectrum`: y in double precision → eigenvalues `(k,)` and orthonormal
        eigenvectors `(D, k)` of the Hessian, those that matter.
    - `tolerance`: of the estimated error a step, of order s, over the norm of y. What
        is carried on has order 2s − 1, so its error is far smaller.
    """
    tableau = Tableau.of(stages)
    y = np.asarray(start).astype(Extended)
    t, h = Extended(0), Extended(1e-3)
    lost = np.zeros_like(y)
    calls, previous, found = 0, None, []
    for end in horizons:
        times, states = [float(t)], [np.asarray(y, float)]
        while t < end:
            eigen = spectrum(np.asarray(y, float))
            start_slope = slope(y)
            calls += 1
            while True:
                step = min(h, Extended(end) - t)
                if end - (t + step) < 1e-3 * float(step):
                    step = Extended(end) - t
                guess = first_guess(tableau, previous, step, start_slope)
                slopes, iterations = solve_stages(tableau, slope, y, step, eigen, guess)
                calls += iterations * stages
                if slopes is None:
                    h, previous = step / 3, None
                    continue
                error = estimate(tableau, step, start_slope, slopes, eigen)
                ratio = float(norm(error) / norm(y)) / tolerance
                factor = min(3.0, max(0.2, 0.8 * max(ratio, 1e-10) ** (-1 / stages)))
                if ratio <= 1:
                    break
                h = step * min(factor, 0.8)
            increment = step * (tableau.matrix[-1] @ slopes) - lost
            total = y + increment
            lost = (total - y) - increment
            y, t, previous = total, t + step, (step, slopes)
            if step == min(h, step) and iterations < 15:
                h = max(h, step * Extended(factor))
            elif iterations >= 15:
                h = step
            times.append(float(t))
            states.append(np.asarray(y, float))
        found.append(Trajectory(y.copy(), times, states, calls))
    return found


def solve_stages(tableau, slope, y, step, eigen, slopes):
    """The stage slopes `(s, D)` to round-off, or `None`; and the iterations taken."""
    values, vectors = eigen
    scale = 1 / (1 + float(step) * np.outer(tableau.values, values)) - 1
    best = np.inf
    for iteration in range(1, 61):
        inner = y + step * (tableau.matrix @ slopes)
        residual = np.stack([slope(row) for row in inner]) - slopes
        rough = residual.astype(float)
        modes = tableau.inverse @ (rough @ vectors)
        correction = np.real(tableau.vectors @ (scale * modes)) @ vectors.T
        change = residual + correction
        slopes = slopes + change
        size = float(step * norm(change) / norm(y))
        if not np.isfinite(size) or (iteration > 8 and size > 0.9 * best > 1e-17):
            return None, iteration
        if size < 1e-19 or (size < 1e-17 and size > 0.5 * best):
            return slopes, iteration
        best = min(best, size)
    return None, iteration


def first_guess(tableau, previous, step, start_slope):
    """Stage slopes from the last step's polynomial; `previous` is (step, slopes)."""
    if previous is None:
        return np.repeat(start_slope[None], len(tableau.nodes), axis=0)
    old_step, old = previous
    at = 1 + tableau.nodes * (step / old_step)
    basis = np.ones((len(at), len(at)), Extended)
    for i, a in enumerate(tableau.nodes):
        for j, b in enumerate(tableau.nodes):
            if i != j:
                basis[:, i] *= (at - b) / (a - b)
    return basis @ old if float(step / old_step) < 4 else old[-1:].repeat(len(at), 0)


def estimate(tableau, step, start_slope, slopes, eigen):
    """The estimated error of a step, damped where it is stiff, `(D,)`."""
    values, vectors = eigen
    error = step * (tableau.defect[0] * start_slope + tableau.defect[1:] @ slopes)
    gamma = float(step) * abs(np.prod(tableau.values)) ** (1 / len(tableau.values))
    damp = 1 / (1 + gamma * np.maximum(values, 0)) - 1
    return error + vectors @ (damp * (vectors.T @ error.astype(float)))


def norm(x):
    """Euclidean."""
    return np.sqrt(np.sum(x * x))


def _round(value) -> np.longdouble:
    return Extended(mpmath.nstr(value, 25))
