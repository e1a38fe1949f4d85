"""The stages of a step of collocation, first in double precision, then to round-off.

The equations are the same in both; what is found in double precision, where products of
matrices are fast, is where the iteration in extended precision begins.
"""

from collections.abc import Callable
from typing import NamedTuple, Self

import numpy as np
from collocation import Tableau, norm
from pieces import Evaluation, Piece

# Up to so many parameters a dense Jacobian pays.
_DENSE = 200


class Newton(NamedTuple):
    """(I − h A⊗J)⁻¹ in double precision, by the eigenvalues of A.

    - `inverses`: of I − h λ_i J, `(s, D, D)`, complex.
    - `damping`: (I − h γ J)⁻¹, `(D, D)`, γ the geometric mean of |λ_i|.
    """

    inverses: np.ndarray
    damping: np.ndarray

    @classmethod
    def of(cls, tableau: Tableau, jacobian: np.ndarray, step: float) -> Self:
        """For a step."""
        one = np.eye(len(jacobian))
        scaled = step * tableau.values[:, None, None] * jacobian
        gamma = step * abs(np.prod(tableau.values)) ** (1 / len(tableau.values))
        return cls(np.linalg.inv(one - scaled), np.linalg.inv(one - gamma * jacobian))


def jacobian(piece: Piece, y: np.ndarray) -> np.ndarray | None:
    """∂θ'/∂θ by differences in double precision, `(D, D)`; `None` for large D."""
    if y.size > _DENSE:
        return None
    y = y.astype(float)
    shift = 1e-7 * float(norm(y)) / np.sqrt(y.size)
    around = y + shift * np.concatenate([np.eye(y.size), -np.eye(y.size)])
    ahead, behind = np.split(piece.evaluate(around).slopes, 2)
    return (ahead - behind).T / (2 * shift)


def solve(
    tableau: Tableau,
    evaluate: Callable[[np.ndarray], Evaluation],
    y: np.ndarray,
    step,
    slopes: np.ndarray,
    newton: Newton | None,
) -> tuple[np.ndarray, Evaluation] | None:
    """Slopes of the stages `(s, D)` to the round-off of the dtype of y, from a guess,
    and all else at the stages; `None` if the iteration does not converge."""
    precision = float(np.finfo(y.dtype).eps)
    matrix = tableau.matrix.astype(y.dtype)
    step = y.dtype.type(step)
    slopes = slopes.astype(y.dtype)
    last = best = np.inf
    for iteration in range(60):
        found = evaluate(y + step * (matrix @ slopes))
        change = found.slopes - slopes
        if newton is not None:
            modes = tableau.inverse @ change.astype(float)
            modes = np.einsum("sij,sj->si", newton.inverses, modes)
            change = np.real(tableau.vectors @ modes)
        slopes = slopes + change
        size = float(abs(step) * norm(change) / norm(y))
        if not np.isfinite(size) or (iteration > 8 and size > 0.9 * best):
            return None
        ratio = min(size / last, 1) if np.isfinite(last) else 1
        if size * ratio < precision / 4 or (size < 50 * precision and ratio > 0.5):
            return slopes, found
        last, best = size, min(best, size)
    return None
