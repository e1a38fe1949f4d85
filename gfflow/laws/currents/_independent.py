"""Of matched units those that say something new."""

from collections.abc import Sequence

import numpy as np

from ._following import Diagonals
from ._forms import Forms
from ._matched import MatchedUnits
from ._probes import Probes

Family = MatchedUnits | Forms
# Parameters up to which gradients of laws are held as rows of a matrix.
SMALL = 3000
_NEW = 1e-7


def independent_families(
    found: Probes, families: Sequence[MatchedUnits]
) -> list[MatchedUnits]:
    """Those whose laws do not follow from the laws before, with the components that do
    not. A family stays whole where its laws follow from each other only, and in large
    models, where it is left out if all of its diagonal follows.

    A law follows from others where its gradient is in the span of theirs at a generic
    point.
    """
    x = found.points[0].x
    size = sum(part.size for part in x.values())
    kept: list[MatchedUnits] = []
    if size > SMALL:
        diagonals = Diagonals(x)
        for family in families:
            if not diagonals.follows(family, kept):
                kept.append(family)
        return kept
    span = np.zeros((0, size))
    for family in families:
        rows = family.gradients(x)
        new, span = span_with(rows, span)
        if np.any(new):
            alone = np.sum(span_with(rows, span[:0])[0])
            kept.append(family if np.sum(new) == alone else _some(family, new))
    return kept


def number_of(found: Probes, families: Sequence[Family]) -> int:
    """Of independent laws among these, of a small model."""
    return len(span_of(found, families))


def adds_to(found: Probes, families: Sequence[Family], rows: np.ndarray) -> bool:
    """Whether any of these gradients is not in the span of those of the families."""
    return bool(np.any(span_with(rows, span_of(found, families))[0]))


def span_of(found: Probes, families: Sequence[Family]) -> np.ndarray:
    x = found.points[0].x
    span = np.zeros((0, sum(part.size for part in x.values())))
    for family in families:
        span = span_with(family.gradients(x), span)[1]
    return span


def span_with(rows: np.ndarray, span: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are not in a span, nor in that of those before; and the span with
    them. The rows of the span are orthonormal."""
    new = np.zeros(len(rows), bool)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rest = rows / np.where(lengths > 0, lengths, 1)
    for _ in range(2):
        rest = rest - (rest @ span.T) @ span
    values, right = np.linalg.svd(rest, full_matrices=False)[1:]
    if len(values) == len(rows) and np.all(values > _NEW):
        new[:] = True
        return new, np.concatenate([span, right])
    for n, row in enumerate(rest):
        for _ in range(2):
            row = row - (row @ span.T) @ span
        length = np.linalg.norm(row)
        if length > _NEW:
            new[n], span = True, np.concatenate([span, row[None] / length])
    return new, span


def _some(family: MatchedUnits, which: np.ndarray) -> MatchedUnits:
    """The family with some of its components only."""
    if np.all(which):
        return family
    i, j = (index[which] for index in family.where())
    if np.all(i == j):
        taken = lambda u: i if u.chosen is None else np.asarray(u.chosen)[i]
        units = (u._replace(chosen=tuple(taken(u).tolist())) for u in family.units)
        return family._replace(units=tuple(units), pairs=None)
    pairs = np.zeros((family.length,) * 2, bool)
    pairs[i, j] = pairs[j, i] = True
    return family._replace(pairs=pairs)
