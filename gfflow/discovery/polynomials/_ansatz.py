"""Families of polynomials in which laws are looked for."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, combinations_with_replacement
from math import comb
from typing import NamedTuple

import numpy as np

from ._polynomial import Layout, Polynomial


class Ansatz(NamedTuple):
    """Polynomials h = Σ_g c_g (sum of the monomials of group g), c unknown.

    **Attributes:**

    - `name`.
    - `factors`: flat indices, `(monomials, degree)`, D standing for the factor 1;
        groups one after the other.
    - `starts`: where each group begins, `(groups,)`.
    """

    name: str
    factors: np.ndarray
    starts: np.ndarray

    @classmethod
    def of(cls, name: str, size: int, groups: Sequence[Sequence[tuple[int, ...]]]):
        """From lists of monomials; empty groups are left out."""
        groups = [group for group in groups if len(group)]
        width = max((len(m) for group in groups for m in group), default=1)
        pad = lambda m: (*m, *(size,) * (width - len(m)))
        flat = [pad(m) for group in groups for m in group]
        factors = np.asarray(flat, int).reshape(-1, width)
        counts = [len(group) for group in groups]
        return cls(name, factors, np.cumsum([0, *counts])[:-1].astype(int))

    @property
    def unknowns(self) -> int:
        """The number of groups."""
        return len(self.starts)

    def only(self, groups: np.ndarray) -> "Ansatz":
        """Of these groups alone."""
        ends = [*self.starts[1:], len(self.factors)]
        parts = [self.factors[self.starts[g] : ends[g]] for g in groups]
        starts = np.cumsum([0, *map(len, parts)])[:-1].astype(int)
        return Ansatz(self.name, np.concatenate(parts), starts)

    def slopes(self, theta: np.ndarray, along: np.ndarray) -> np.ndarray:
        """∇(group)·v for each row (θ, v): `(rows, D)` twice -> `(rows, groups)`."""
        if not self.unknowns:
            return np.zeros((len(theta), 0))
        theta = np.pad(theta, ((0, 0), (0, 1)), constant_values=1.0)
        along = np.pad(along, ((0, 0), (0, 1)))
        total = np.zeros((len(theta), len(self.factors)))
        columns = range(self.factors.shape[1])
        for k in columns:
            term = along[:, self.factors[:, k]].copy()
            for other in columns:
                if other != k:
                    term *= theta[:, self.factors[:, other]]
            total += term
        return np.add.reduceat(total, self.starts, axis=1)

    def polynomial(self, coefficients: Sequence, size: int) -> Polynomial:
        """Σ_g c_g (group g)."""
        ends = [*self.starts[1:], len(self.factors)]
        terms = {}
        for c, start, end in zip(coefficients, self.starts, ends):
            if c:
                for row in self.factors[start:end]:
                    terms[tuple(int(i) for i in row if i < size)] = c
        return Polynomial(terms)


class Family(NamedTuple):
    """An ansatz to be built when it is wanted: at most so many unknowns."""

    name: str
    unknowns: int
    build: Callable[[], Ansatz]


def first_families(layout: Layout, used: np.ndarray, degree: int) -> Iterator[Family]:
    """Linear polynomials, and squares.

    **Arguments:**

    - `used`: `(D,)`, the entries that a law can depend on.
    - `degree`: the largest wanted.
    """
    entries = np.flatnonzero(used).tolist()
    yield _family(layout.size, used, "linear", [[(i,)] for i in entries])
    if degree >= 2:
        yield _family(layout.size, used, "squares", [[(i, i)] for i in entries])


def simple_families(layout: Layout, used: np.ndarray, degree: int) -> Iterator[Family]:
    """Gram matrices of axes of one length (the units that arrays share), and products
    along any axis of an array."""
    if degree < 2:
        return
    size = layout.size
    entries = np.flatnonzero(used).tolist()
    linear, squares = [[(i,)] for i in entries], [[(i, i)] for i in entries]
    axes = list(_along_axes(layout))
    for length, groups in _shared_axes(layout):
        yield _family(
            size, used, f"Gram matrices of the axes of length {length}", groups
        )
    yield _family(size, used, "quadratic along an axis", [*squares, *axes])
    name = "quadratic along an axis, and linear"
    yield _family(size, used, name, [*linear, *squares, *axes])


def large_families(
    layout: Layout,
    used: np.ndarray,
    blocks: Sequence[Sequence[int]],
    degree: int,
    still: Sequence[int] = (),
) -> Iterator[Family]:
    """Products within fibres of an array, of constants with the entries of a block,
    then within blocks, then of any degree.

    **Arguments:**

    - `blocks`: sets of entries that can meet in one law.
    - `still`: entries that do not move: the coefficients of a law may be made of them,
        as where a frozen layer does not see a direction of what it reads.
    """
    size = layout.size
    if degree >= 2:
        pairs = sum(
            n * (sum(s) - len(s)) // 2 for n, s in zip(layout.sizes, layout.shapes)
        )

        def fibres():
            squares = [[(i, i)] for i in range(size)]
            found = [[m] for group in _along_axes(layout) for m in group]
            return Ansatz.of(name, size, _used([*squares, *found], used))

        name = "quadratic within fibres"
        yield Family(name, int(used.sum()) + pairs, fibres)
        for block in blocks:
            moving = [i for i in block if i not in still]
            weighted = [[(c, i)] for c in still for i in moving]
            if weighted:
                yield _family(size, used, "constants times an entry", weighted)
        for block in blocks:
            count = len(block) * (len(block) + 1) // 2
            yield _powers(size, "quadratic within a block", block, (2,), count)
    for n in range(2, degree + 1):
        for block in blocks:
            count = comb(len(block) + n, n) - 1
            name = f"polynomials of degree {n} within a block"
            yield _powers(size, name, block, range(1, n + 1), count)


def phase_families(layout: Layout, times: int, degree: int) -> Iterator[Family]:
    """Of positions, velocities and functions of time: 1 or one of these, times an entry
    or a product of a position with a velocity.

    **Arguments:**

    - `times`: the number of functions of time, the first variables.
    """
    size = layout.size
    half = times + (size - times) // 2
    clocks = [(), *((k,) for k in range(times))]
    entries = range(times, size)
    single = [[(*c, i)] for c in clocks for i in entries]
    yield Family("linear", len(single), lambda: Ansatz.of("linear", size, single))
    if degree < 2:
        return
    arrays = list(_slices(layout))[: (len(layout.shapes) - times) // 2]
    pairs = [
        list(zip(a, [j + half - times for j in b]))
        for slices in arrays
        for axis in slices
        for a in axis
        for b in axis
        if a is not b
    ]
    pairs += [[(i, i + half - times)] for i in range(times, half)]
    turns = [[(*c, *m) for m in group] for c in clocks for group in pairs]
    name = "rotations along an axis"
    yield Family(name, len(turns), lambda: Ansatz.of(name, size, turns))
    each = [(i, j) for i in range(times, half) for j in range(half, size)]
    count = len(each) * len(clocks)
    every = lambda: [[(*c, *m)] for c in clocks for m in each]
    name = "products of positions and velocities"
    yield Family(name, count, lambda: Ansatz.of(name, size, every()))


def _family(size, used, name: str, groups) -> Family:
    groups = _used(groups, used)
    return Family(name, len(groups), lambda: Ansatz.of(name, size, groups))


def _powers(size, name: str, block, degrees, count: int) -> Family:
    def build():
        each = (combinations_with_replacement(block, n) for n in degrees)
        return Ansatz.of(name, size, [[m] for monomials in each for m in monomials])

    return Family(name, count, build)


def _used(groups, used: np.ndarray):
    kept = ([m for m in group if all(used[i] for i in m)] for group in groups)
    return [group for group in kept if group]


def _along_axes(layout: Layout) -> Iterator[list[tuple[int, ...]]]:
    """Σ θ[…k…] θ[…l…] over all other indices, for each axis and each k < l."""
    for slices in _slices(layout):
        for axis in slices:
            for first, second in combinations(axis, 2):
                yield list(zip(first, second))


def _shared_axes(layout: Layout) -> Iterator[tuple[int, list[list[tuple[int, ...]]]]]:
    """Σ θ[…k…] θ[…l…] over all other indices, k ≤ l, for the axes of each length that
    there are several of."""
    by_length: dict[int, list] = {}
    for slices in _slices(layout):
        for axis in slices:
            by_length.setdefault(len(axis), []).append(axis)
    for length, axes in sorted(by_length.items()):
        if length > 1 and len(axes) > 1:
            yield (
                length,
                [
                    list(zip(*pair))
                    for axis in axes
                    for pair in combinations_with_replacement(axis, 2)
                ],
            )


def _slices(layout: Layout) -> Iterator[list[list[list[int]]]]:
    """For each array, for each axis, the entries of each slice across it; no axis for
    an array of no entries."""
    for offset, shape in zip(layout.offsets, layout.shapes):
        places = offset + np.arange(int(np.prod(shape))).reshape(shape)
        yield [
            np.moveaxis(places, axis, 0).reshape(shape[axis], -1).tolist()
            for axis in range(len(shape) if places.size else 0)
        ]
