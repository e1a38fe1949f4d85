"""Polynomials as formulas over parameter paths, in the grammar of `symbolic`."""

from collections import defaultdict
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ._polynomial import Layout, Monomial, Polynomial


class _Term(NamedTuple):
    order: tuple
    coefficient: Fraction
    text: str


def formula(polynomial: Polynomial, layout: Layout) -> str:
    """Such as `sum(layers[1].weight[:,0]**2) - sum(layers[0].weight[0,:]**2)`.

    Monomials that run over whole axes of an array with one coefficient are written as
    a sum over slices. Later arrays come first.
    """
    groups: dict[tuple, list[Monomial]] = defaultdict(list)
    for monomial, coefficient in polynomial.terms.items():
        arrays = tuple(layout.locate(i)[0] for i in monomial)
        groups[arrays, coefficient].append(monomial)
    terms = []
    for (arrays, coefficient), monomials in groups.items():
        table = [
            tuple(i for flat in m for i in layout.locate(flat)[1]) for m in monomials
        ]
        for text, first in _sums(arrays, np.asarray(table, int), layout):
            order = (tuple(-a for a in sorted(arrays, reverse=True)), first)
            terms.append(_Term(order, coefficient, text))
    terms.sort()
    return _joined(terms)


def leading_sign(polynomial: Polynomial, layout: Layout) -> int:
    """The sign of the first term that `formula` writes."""
    return -1 if formula(polynomial, layout).startswith("-") else 1


def _joined(terms: list[_Term]) -> str:
    made = ""
    for _, coefficient, text in terms:
        size = abs(coefficient)
        times = "" if size == 1 else f"{_number(size)}*"
        body = text if text else _number(size)
        piece = f"{times}{body}" if text else body
        if not made:
            made = piece if coefficient > 0 else f"-{piece}"
        else:
            made += f" + {piece}" if coefficient > 0 else f" - {piece}"
    return made or "0"


def _number(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    if value.denominator <= 10_000:
        return f"({value.numerator}/{value.denominator})"
    return repr(float(value))


def _sums(arrays, table: np.ndarray, layout: Layout) -> list[tuple[str, tuple]]:
    """The monomials of one coefficient in as few sums as slices allow."""
    if not len(arrays):
        return [("", ())]
    first = tuple(int(i) for i in table[0])
    text = _one_sum(arrays, table, layout)
    if text is not None:
        return [(text, first)]
    varying = [c for c in range(table.shape[1]) if len(np.unique(table[:, c])) > 1]
    column = min(varying, key=lambda c: len(np.unique(table[:, c])))
    made = []
    for value in np.unique(table[:, column]):
        made += _sums(arrays, table[table[:, column] == value], layout)
    return made


def _one_sum(arrays, table: np.ndarray, layout: Layout) -> str | None:
    """One sum over slices, or `None`.

    The columns of the table, one for each axis of each factor, are constant or run; the
    ones that run must fall into classes of equal columns, each over a whole axis, every
    class once in every factor and in the same order, and all combinations be there.
    """
    shapes = [layout.shapes[a] for a in arrays]
    ends = np.cumsum([0, *(len(s) for s in shapes)])
    classes: list[np.ndarray] = []
    factors, orders = [], []
    for array, shape, start in zip(arrays, shapes, ends):
        index, order = [], []
        for axis, length in enumerate(shape):
            column = table[:, start + axis]
            values = np.unique(column)
            if len(values) == 1:
                index.append(str(int(values[0])))
                continue
            if len(values) != length:
                return None
            same = [n for n, c in enumerate(classes) if np.array_equal(c, column)]
            if not same:
                classes.append(column)
                same = [len(classes) - 1]
            order.append(same[0])
            index.append(":")
        orders.append(order)
        inside = ",".join(index)
        plain = not index or set(index) == {":"}
        name = layout.names[array]
        factors.append(name if plain else f"{name}[{inside}]")
    every = list(range(len(classes)))
    if any(shape and order != every for shape, order in zip(shapes, orders)):
        return None
    if np.prod([len(np.unique(c)) for c in classes], initial=1) != len(table):
        return None
    powers: dict[str, int] = defaultdict(int)
    for factor in factors:
        powers[factor] += 1
    body = "*".join(f if n == 1 else f"{f}**{n}" for f, n in powers.items())
    return f"sum({body})" if classes else body
