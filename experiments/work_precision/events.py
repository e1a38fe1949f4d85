"""Where the polynomial of a step leaves its piece, in double precision."""

from typing import NamedTuple

import numpy as np
from collocation import Tableau

_GRID, _FINE = 32, 16
# Beside the largest of its kind a margin of this size is none.
_NOISE = 1e-13


class Interpolation(NamedTuple):
    """Polynomials by their values at 0 and at the nodes of a tableau.

    - `nodes`: `(s + 1,)`.
    - `weights`: barycentric, `(s + 1,)`.
    - `to_grid`: values at 0, 1/32, ..., 1, `(33, s + 1)`.
    - `slope_at_end`: the derivative at 1, `(s + 1,)`.
    """

    nodes: np.ndarray
    weights: np.ndarray
    to_grid: np.ndarray
    slope_at_end: np.ndarray

    @classmethod
    def of(cls, tableau: Tableau) -> "Interpolation":
        """For the stages of a tableau."""
        nodes = np.array([0.0, *tableau.nodes.astype(float)])
        gaps = nodes[:, None] - nodes[None, :] + np.eye(len(nodes))
        weights = 1 / np.prod(gaps, axis=1)
        empty = cls(nodes, weights, np.zeros(0), np.zeros(0))
        # Row of the differentiation matrix of the last node (Berrut & Trefethen 2004).
        row = np.zeros(len(nodes))
        row[:-1] = weights[:-1] / weights[-1] / (1 - nodes[:-1])
        row[-1] = -np.sum(row)
        grid = empty.rows(np.linspace(0, 1, _GRID + 1))
        return cls(nodes, weights, grid, row)

    def rows(self, at: np.ndarray) -> np.ndarray:
        """Values at the nodes → values there, `(len(at), s + 1)`."""
        gaps = np.asarray(at)[:, None] - self.nodes
        exact = gaps == 0
        terms = self.weights / np.where(exact, 1, gaps)
        rows = terms / np.sum(terms, axis=1, keepdims=True)
        hit = exact.any(axis=1, keepdims=True)
        return np.where(hit, exact.astype(float), rows)


def first_event(
    interpolation: Interpolation, inside: np.ndarray, gates: np.ndarray, scales
) -> tuple[float, bool, int] | None:
    """The first margin on a step to change its sign.

    **Arguments:**

    - `inside`: margins of kinks `(s + 1, M)` at the nodes; `gates`: of gates `(s + 1, 2S)`.
    - `scales`: the size of either.

    **Returns:** the part of the step; whether it is of a gate; and its number.
    """
    first = None
    for of_gate, margins, scale in zip((False, True), (inside, gates), scales):
        noise = _NOISE * scale
        for index in _suspects(interpolation, margins, noise):
            at = _first_root(interpolation, margins[:, index] + noise)
            if at is not None and (first is None or at < first[0]):
                first = at, of_gate, int(index)
    return first


def _suspects(interpolation, margins, noise):
    """Those that are negative on the grid, or seem to have been between its points."""
    kept = np.flatnonzero(np.isfinite(margins[0]))
    # Far from its kink, and no polynomial that moves much.
    near = np.ptp(margins[:, kept], axis=0) * 4 > margins[0, kept]
    kept = kept[near]
    rows = interpolation.to_grid @ margins[:, kept]
    negative = (rows < -noise).any(axis=0)
    a, b, c = rows[:-2], rows[1:-1], rows[2:]
    curvature = np.maximum(a - 2 * b + c, 1e-300)
    dips = (b <= a) & (b <= c) & (b - (a - c) ** 2 / (8 * curvature) < b / 4)
    return kept[negative | dips.any(axis=0)]


def _first_root(interpolation, values):
    at = np.linspace(0, 1, _GRID * _FINE + 1)
    negative = np.flatnonzero(interpolation.rows(at) @ values < 0)
    if not len(negative):
        return None
    high = at[negative[0]]
    low = at[max(negative[0] - 1, 0)]
    for _ in range(60):
        middle = (low + high) / 2
        below = (interpolation.rows(np.array([middle])) @ values)[0] < 0
        low, high = (low, middle) if below else (middle, high)
    return float(high)
