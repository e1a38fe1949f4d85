"""Row spaces in float64."""

import numpy as np

# The smallest singular value of a space over the largest, below which round-off turns
# it by more than 1e-10; and what of a singular value is round-off.
_CLEAR, _NONE = 1e-5, 1e-9


def unit_rows(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those that are finite and not 0, of length 1, and their numbers."""
    with np.errstate(invalid="ignore"):
        largest = np.abs(rows).max(axis=1, initial=0.0)
    kept = np.flatnonzero(np.isfinite(largest) & (largest > 0))
    rows = rows[kept] / largest[kept, None]
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), kept


def row_space(rows: np.ndarray, sizes: np.ndarray, rank: int) -> np.ndarray | None:
    """An orthonormal basis of that of rows ∘ sizes, `(rank, columns)`; `None` where
    less than that can be told from round-off."""
    scaled, _ = unit_rows(rows * sizes)
    if len(scaled) < rank:
        return None
    _, values, basis = np.linalg.svd(triangular(scaled), full_matrices=False)
    if rank and values[rank - 1] <= _CLEAR * values[0]:
        return None
    return basis[:rank]


def triangular(rows: np.ndarray) -> np.ndarray:
    """As few rows with the same Gram matrix."""
    if len(rows) <= rows.shape[1]:
        return rows
    return np.asarray(np.linalg.qr(rows, mode="r"))


def rank_of(rows: np.ndarray) -> int:
    """Of rows of which the longest are of about the length 1."""
    if not rows.size:
        return 0
    values = np.linalg.svd(rows, compute_uv=False)
    return int(np.sum(values > _NONE * max(1.0, values[0])))
