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
    interpolation: Interpolation, inside: np.ndarray, gates: tuple, scales
) -> tuple[float, bool, int] | None:
    """The first margin on a step to become negative.

    **Arguments:**

    - `inside`: margins of kinks `(s + 1, M)` at the nodes.
    - `gates`: u and G `(s + 1, S)` at the nodes; the margins of γ = u/G are those of
        γ ≥ 0 and of γ ≤ 1, multiplied by |G|.
    - `scales`: the size of `inside`, and of `gates`.

    **Returns:** the part of the step; whether it is of a gate; and its number, from S
    on where γ = 1.
    """
    found = []
    noise = _NOISE * scales[0]
    # Nothing is met by a polynomial that is far away and moves little.
    free = np.flatnonzero(np.isfinite(inside[0]))
    moves = np.max(np.abs(inside[1:, free] - inside[0, free]), axis=0)
    near = free[4 * moves > inside[0, free] - noise]
    for index in near[_suspects(interpolation, inside[:, near], noise)]:
        of_kink = lambda at, i=index: interpolation.rows(at) @ inside[:, i] + noise
        found.append((_first_root(of_kink), False, int(index)))
    u, back = gates
    noise = _NOISE * scales[1]
    for index in range(2 * u.shape[1]):

        def of_gate(at, i=index % u.shape[1], upper=index >= u.shape[1]):
            to_points = interpolation.rows(at)
            value, most = to_points @ u[:, i], to_points @ back[:, i]
            return (most - value if upper else value) * np.sign(most) + noise

        found.append((_first_root(of_gate), True, index))
    return min((event for event in found if event[0] is not None), default=None)


def negative_from(interpolation: Interpolation, values: np.ndarray) -> list:
    """(part of the step, number) from where on some of the values `(s + 1, S)` at the
    nodes are negative to its end, roughly."""
    rows = interpolation.to_grid @ values
    found = []
    for index in np.flatnonzero(rows[-1] < 0):
        last = np.max(np.flatnonzero(rows[:, index] > 0), initial=-1)
        part = 0.0
        if last >= 0:
            high, low = rows[last, index], rows[last + 1, index]
            part = (last + high / (high - low)) / _GRID
        found.append((float(part), int(index)))
    return found


def _suspects(interpolation, margins, noise):
    """Which are negative on the grid, or seem to have been between its points."""
    rows = interpolation.to_grid @ margins
    a, b, c = rows[:-2], rows[1:-1], rows[2:]
    curvature = np.maximum(a - 2 * b + c, 1e-300)
    dips = (b <= a) & (b <= c) & (b - (a - c) ** 2 / (8 * curvature) < b / 4)
    return (rows < -noise).any(axis=0) | dips.any(axis=0)


def _first_root(margin):
    at = np.linspace(0, 1, _GRID * _FINE + 1)
    negative = np.flatnonzero(margin(at) < 0)
    if not len(negative):
        return None
    high = at[negative[0]]
    low = at[max(negative[0] - 1, 0)]
    for _ in range(60):
        middle = (low + high) / 2
        below = margin(np.array([middle]))[0] < 0
        low, high = (low, middle) if below else (middle, high)
    return float(high)
