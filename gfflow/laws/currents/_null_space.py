"""Sparse bases of null spaces."""

from fractions import Fraction

import numpy as np
from jaxtyping import Float

_ZERO, _ENTRY = 1e-9, 1e-7
# Of many columns: singular values that are round-off, and those that are not.
_NONE, _CLEAR = 1e-10, 1e-7
# Terms that are none, and the part of the rows in which there are some.
_NO_TERM, _SEEN = 1e-6, 0.5
_LARGEST_DENOMINATOR = 24
_REWEIGHTED = 30


def null_space(
    matrix: Float[np.ndarray, "rows columns"], sizes: Float[np.ndarray, " columns"]
) -> Float[np.ndarray, "n columns"]:
    """A sparse basis of what is 0 but for round-off of terms of these sizes.

    A column without terms is in no vector of it.
    """
    live = np.flatnonzero(sizes > 0)
    if not len(live):
        return np.zeros((0, matrix.shape[1]))
    scaled = matrix[:, live] / sizes[live]
    if len(scaled) > scaled.shape[1]:
        scaled = np.linalg.qr(scaled, mode="r")
    _, values, right = np.linalg.svd(scaled, full_matrices=True)
    rank = int(np.sum(values > _ZERO))
    basis = np.zeros((len(live) - rank, matrix.shape[1]))
    basis[:, live] = reduced(right[rank:]) / sizes[live]
    return reduced(basis)


def sizes_of(
    terms: Float[np.ndarray, "rows columns"],
) -> Float[np.ndarray, " columns"]:
    """The length of each column; infinite where fewer than half of the rows have a
    term, which leaves too few to tell what is 0."""
    largest = np.max(terms, axis=0)
    seen = np.mean(terms > _NO_TERM * largest, axis=0) >= _SEEN
    return np.where(seen & (largest > 0), np.linalg.norm(terms, axis=0), np.inf)


def null_of(
    matrix: Float[np.ndarray, "rows columns"], sizes: Float[np.ndarray, " columns"]
) -> Float[np.ndarray, "n columns"]:
    """Orthonormal rows that a matrix takes to round-off, its columns over their sizes;
    none where a singular value is neither that nor clearly more. A column of infinite
    size is in no row."""
    columns = np.isfinite(sizes)
    none = np.zeros((0, matrix.shape[1]))
    if not np.any(columns):
        return none
    _, values, right = np.linalg.svd(matrix[:, columns] / sizes[columns])
    values = np.concatenate([values, np.zeros(len(right) - len(values))])
    if np.any((values > _NONE) & (values < _CLEAR)):
        return none
    rows = np.zeros((int(np.sum(values <= _NONE)), matrix.shape[1]))
    rows[:, columns] = right[values <= _NONE]
    return rows


def independent(basis: np.ndarray, known: np.ndarray) -> list[np.ndarray]:
    """The rows of a basis that are not in the span of what is known, or of those
    before."""
    span, new = _orthonormal(known), []
    for row in basis:
        rest = row / np.linalg.norm(row)
        for _ in range(2):
            rest = rest - (rest @ span.T) @ span
        if np.linalg.norm(rest) > _ENTRY:
            new.append(row)
            span = np.concatenate([span, rest[None] / np.linalg.norm(rest)])
    return new


def sparse_beyond(
    matrix: Float[np.ndarray, "rows columns"],
    sizes: Float[np.ndarray, " columns"],
    known: Float[np.ndarray, "m columns"],
) -> list[np.ndarray]:
    """Vectors of the null space that complete what is known, of few entries each.

    For each column the vector with a 1 there whose other entries have the least sum of
    absolute values, by iteratively reweighted least squares; of these, those of the
    fewest entries that are independent.
    """
    basis = null_space(matrix, sizes)
    missing = len(independent(basis, known))
    if not missing:
        return []
    found = []
    for column in np.flatnonzero(np.any(basis != 0, axis=0)):
        row = _sparsest(_orthonormal(basis), column)
        support = np.flatnonzero(np.abs(row) > 1e-4 * np.max(np.abs(row)))
        exact = null_space(matrix[:, support], sizes[support])
        if len(exact) == 1:
            row = np.zeros(matrix.shape[1])
            row[support] = rounded(exact[0])
            found.append(row)
    found.sort(key=np.count_nonzero)
    sparse = independent(np.asarray(found).reshape(-1, matrix.shape[1]), known)
    if len(sparse) < missing:
        taken = np.concatenate([known, np.asarray(sparse).reshape(-1, known.shape[1])])
        sparse += [rounded(row) for row in independent(basis, taken)]
    return sparse


def _sparsest(basis: np.ndarray, column) -> np.ndarray:
    """Of the span of orthonormal rows, with a 1 in this column."""
    row = basis[:, column] @ basis
    row = row / row[column]
    for _ in range(_REWEIGHTED):
        weights = 1 / (np.abs(row) + 1e-9)
        weighed = (basis * weights) @ basis.T
        direction = np.linalg.lstsq(weighed, basis[:, column], rcond=None)[0]
        row = direction @ basis
        row = row / row[column]
    return row


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    if not len(rows):
        return rows
    scaled = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300)
    _, values, right = np.linalg.svd(scaled, full_matrices=False)
    return right[values > _ENTRY]


def reduced(basis: Float[np.ndarray, "n columns"]) -> Float[np.ndarray, "m columns"]:
    """The reduced row echelon form of rows; those of 0 are left out."""
    rows = basis / np.maximum(np.max(np.abs(basis), axis=1, keepdims=True), 1e-300)
    done = 0
    for column in range(rows.shape[1]):
        if done == len(rows):
            break
        pivot = done + int(np.argmax(np.abs(rows[done:, column])))
        if abs(rows[pivot, column]) < _ENTRY:
            rows[done:, column] = 0
            continue
        rows[[done, pivot]] = rows[[pivot, done]]
        rows[done] /= rows[done, column]
        others = np.arange(len(rows)) != done
        rows[others] -= np.outer(rows[others, column], rows[done])
        done += 1
    rows = rows[:done]
    return np.where(np.abs(rows) < _ENTRY, 0, rows)


def rounded(row: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The smallest whole numbers in these proportions; as it is where the denominators
    are not small."""
    fractions = [Fraction(x).limit_denominator(_LARGEST_DENOMINATOR) for x in row]
    if np.max(np.abs(np.asarray(fractions, float) - row)) > 1e-6:
        return row
    common = int(np.lcm.reduce([f.denominator for f in fractions]))
    whole = np.asarray([int(f * common) for f in fractions])
    return np.asarray(whole / np.gcd.reduce(np.abs(whole)), float)
