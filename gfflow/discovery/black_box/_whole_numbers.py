"""Laws tried in exact arithmetic, where the model is a polynomial or one in pieces.

At whole parameters, inputs and cotangents the field of a polynomial with dyadic
coefficients is a dyadic number, and floating point computes it without rounding while
all is under 2⁵³. ∇h·v is then evaluated in rational arithmetic. A polynomial of degree
d, not 0, vanishes at a random point of {−B, …, B}ⁿ with a probability of at most
d/(2B + 1) (Schwartz–Zippel), in each region of a model of pieces.
"""

from fractions import Fraction

import numpy as np

from ..polynomials import Polynomial
from ._fields import Fields

_BOUNDS = (64, 16, 4, 1)
_POINTS, _ROWS = 12, 16
_STEP, _LARGEST = 2.0**-10, 2.0**35


def exact_at_whole_numbers(
    fields: Fields, random: np.random.Generator, laws: list[Polynomial]
) -> list[bool]:
    """Whether ∇h·v is exactly 0 wherever the law was tried, and was tried.

    Twelve points with 16 fields each. Where the field is no polynomial (a softmax),
    rounds (a slope of 0.01) or has a drift, nothing is exact.
    """
    subject = fields.subject
    tried = laws and subject.polynomial and not subject.moves
    for bound in _BOUNDS if tried else ():
        rows = _whole_rows(fields, random, bound)
        if rows is not None:
            return [_vanishes(law, rows) for law in laws]
    return [False] * len(laws)


def _whole_rows(fields: Fields, random, bound: int):
    """(variables, change) of each field, or `None` where something was rounded."""
    rows, subject = [], fields.subject
    for _ in range(_POINTS):
        z = fields.inside(_nonzero(random, bound, subject.size))
        data = subject.draw_whole(random, _ROWS, bound)
        if data is None:
            return None
        along = fields.at(z, data)
        scaled = along / _STEP
        rounded = np.any(scaled != np.round(scaled))
        if rounded or not np.all(np.abs(along) < _LARGEST):
            return None
        rows += list(zip(*subject.variables(z, along)))
    return rows


def _nonzero(random: np.random.Generator, bound: int, size: int) -> np.ndarray:
    signs = random.choice([-1.0, 1.0], size)
    return signs * random.integers(1, bound + 1, size)


def _vanishes(law: Polynomial, rows) -> bool:
    slopes = {entry: law.derivative(entry) for entry in law.support}
    tried = 0
    for x, along in rows:
        moving = [entry for entry in slopes if along[entry]]
        values = {i: Fraction(float(x[i])) for i in law.support}
        terms = [slopes[i].value(values) * Fraction(float(along[i])) for i in moving]
        if sum(terms):
            return False
        tried += any(terms)
    return tried > 0
