"""The symmetry of the units between two layers that matched units come from."""

import numpy as np

from .._rates import Rates
from .._symmetry import Symmetry
from ._matched import MatchedUnits
from ._units import Units


def symmetry_of(family: MatchedUnits, rates: Rates) -> Symmetry | None:
    """Where the units are all the rows of a matrix, and of vectors, on one side and all
    the columns of a matrix on the other; `None` otherwise, and where the rates of
    linear units differ within an array."""
    terms = list(zip(family.units, family.coefficients, strict=True))
    rows = [u for u, weight in terms if weight == -1.0 and _whole(u, 0)]
    columns = [(u, weight) for u, weight in terms if weight > 0 and _whole(u, 1)]
    matrices = [u for u in rows if len(u.shape) == 2]
    if len(rows) + len(columns) < len(terms) or len(columns) != 1 or len(matrices) != 1:
        return None
    if family.pairs is not None and not np.all(family.pairs):
        return None
    paths = [u.array for u in sorted(rows, key=lambda u: -len(u.shape))]
    (after, degree) = columns[0]
    inverse = {path: rates.inverse[path] for path in (*paths, after.array)}
    group = "rescaling" if family.pairs is None else "linear"
    return Symmetry(
        group, tuple(paths), (after.array,), degree, inverse, rates.positive
    )


def _whole(units: Units, axis: int) -> bool:
    return (
        units.kind == "squares"
        and units.whole
        and units.axis == axis
        and len(units.shape) <= 2
    )
