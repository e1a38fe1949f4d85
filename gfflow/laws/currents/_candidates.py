"""Which units of the arrays of a model may match others."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import combinations

from ._units import Kind, Units

Shapes = Mapping[str, tuple[int, ...]]

# Products of two arrays of one shape, and entries one by one, are looked at up to so
# many entries of all of them.
_PAIRED = 2**18


def lengths(shapes: Shapes) -> set[int]:
    """Of all axes, and 1."""
    return {n for shape in shapes.values() for n in shape} | {1}


def candidates(shapes: Shapes) -> dict[int, list[Units]]:
    """Units along one axis, or a factor of one, of each array, by their number r, the
    largest first; of r = 1 one an array. Entry by entry for arrays of one shape. Where
    r is the length of no axis, of squares only."""
    alike = Counter(shapes.values())
    entries = sum(n * (n - 1) // 2 * math.prod(shape) for shape, n in alike.items())
    beside: list[tuple[str, str, Kind]] = [(name, name, "squares") for name in shapes]
    if entries <= _PAIRED:
        pairs = combinations(shapes, 2)
        for a, b in pairs:
            if shapes[a] == shapes[b]:
                beside.append((a, b, "products"))
    beside.extend((name, name, "sums") for name in shapes)
    sizes = lengths(shapes)
    found: dict[int, list[Units]] = {}
    for array, other, kind in beside:
        shape = shapes[array]
        made = list(_along_axes(array, other, shape, kind, sizes))
        if alike[shape] > 1 and len(shape) > 1 and entries <= _PAIRED:
            every = Units.of_axes(array, shape, range(len(shape)), kind)
            made.append(every._replace(other=other))
        for units in made:
            found.setdefault(units.length, []).append(units)
    for name, shape in shapes.items():
        if len(shape) == 2 and shape[0] == shape[1] > 1:
            trace = Units.along(name, shape, 0)._replace(kind="trace")
            found[shape[0]].append(trace)
    return dict(sorted(found.items(), reverse=True))


def along(units: Units, axis: int, factors: tuple[int, int, int]) -> Units:
    """The units of the same arrays along the middle one of three factors of an axis."""
    split = tuple((n,) for n in units.shape)
    split = (*split[:axis], factors, *split[axis + 1 :])
    return units._replace(split=split, kept=(axis + 1,))


def all_in_one(units: Units) -> Units:
    """The one unit that is all of the same arrays."""
    return units._replace(split=tuple((n,) for n in units.shape), kept=())


def _along_axes(array, other, shape, kind: Kind, sizes: set[int]) -> Iterator[Units]:
    every = Units.of_axes(array, shape, (), kind)._replace(other=other)
    if kind != "sums" or len(shape) == 1:
        yield every
    for axis, size in enumerate(shape):
        for length in _divisors(size)[1:]:
            if kind == "squares" or length in sizes:
                for left in _divisors(size // length):
                    factors = left, length, size // length // left
                    yield along(every, axis, factors)


def _divisors(n: int) -> list[int]:
    small = [k for k in range(1, math.isqrt(n) + 1) if n % k == 0]
    return sorted({*small, *(n // k for k in small)})
