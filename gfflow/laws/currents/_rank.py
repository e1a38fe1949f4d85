"""Numerical rank by the gap in a spectrum."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

_LARGEST_DROPPED = 1e4
_CLEAR = 1e3
_SMALL = 300
_SURE = 1e-5


class Rank(NamedTuple):
    """**Attributes:**

    - `normal`: orthonormal rows spanning the null space, `(columns − rank, columns)`.
    - `kept`, `dropped`: the smallest singular value kept (1 without one) and the
        largest dropped (0 without one), over the scale of the matrix.
    - `clear`: whether they are a factor of 1000 or more apart.
    """

    normal: np.ndarray
    kept: float
    dropped: float
    clear: bool

    @property
    def rank(self) -> int:
        """Of the matrix."""
        return self.normal.shape[1] - len(self.normal)


def normal_space(
    matrix: Float[np.ndarray, "rows columns"], precision: float, scale: float | None
) -> Rank:
    """The null space of a matrix, with the gap that tells it from the rest.

    What is dropped may not exceed 10⁴ times the machine precision of the entries, and
    what is below the precision itself counts as the precision: a gap to exact zeros
    from a value near round-off is no gap.

    By the singular values, or for large matrices A by the eigenvectors of AᵀA. Squares
    would hide a gap below 10⁻⁸, so they are not what is reported: with N the null
    vectors, improved by one step of N ← N − V Λ⁻¹ Vᵀ AᵀA N on the others V, Λ, the norm
    of AN bounds what is dropped from above (Courant–Fischer), and √λ is what is kept,
    which is right to many digits above 10⁻⁵; below that the singular values are taken
    after all.

    **Arguments:**

    - `scale`: of the singular values; the largest of them if `None`.
    """
    if min(matrix.shape) > _SMALL:
        found = _by_squares(matrix, precision, scale)
        if found is not None:
            return found
    _, sizes, basis = np.linalg.svd(matrix, full_matrices=len(matrix) < matrix.shape[1])
    largest = max(sizes.max(initial=0.0), 1e-300) if scale is None else scale
    rank, ratio = _cut(sizes / largest, precision)
    kept = float(sizes[rank - 1] / largest) if rank else 1.0
    dropped = float(sizes[rank] / largest) if rank < len(sizes) else 0.0
    return Rank(basis[rank:], kept, dropped, ratio >= _CLEAR)


def _cut(sizes: np.ndarray, precision: float) -> tuple[int, float]:
    """How many come before the widest gap, and the quotient there."""
    known = np.maximum(sizes, precision)
    ends = np.concatenate([[max(1.0, known.max(initial=0.0))], known, [precision]])
    droppable = ends[1:] <= _LARGEST_DROPPED * precision
    ratios = np.where(droppable, ends[:-1] / ends[1:], 0.0)
    rank = int(np.argmax(ratios))
    return rank, float(ratios[rank])


def _by_squares(matrix, precision: float, scale: float | None) -> Rank | None:
    on_device = jax.default_backend() != "cpu"
    xp = jnp if on_device else np
    matrix = xp.asarray(matrix)
    squares, vectors = map(np.asarray, xp.linalg.eigh(matrix.T @ matrix))
    largest = max(float(squares[-1]), 1e-300) ** 0.5 if scale is None else scale
    sure = squares > (_SURE * largest) ** 2
    rest, kept = vectors[:, ~sure], vectors[:, sure]
    if not sure.any():
        return None
    pushed = np.asarray(matrix.T @ (matrix @ rest))
    rest = rest - kept @ ((kept.T @ pushed) / squares[sure, None])
    rest = np.linalg.qr(rest)[0]
    dropped = float(np.linalg.norm(np.asarray(matrix @ rest))) / largest
    if dropped > _LARGEST_DROPPED * precision:
        return None
    least = float(np.sqrt(squares[sure][0])) / largest
    return Rank(rest.T, least, dropped, least >= _CLEAR * max(dropped, precision))
