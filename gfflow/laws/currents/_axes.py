"""Axes of arrays of parameters, and factors of them, along which units may lie."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple, final


@final
class Axis(NamedTuple):
    """r indices of an array: the middle of three factors (l, r, m) of one of its axes.

    An array of the shape of another one stands beside it where it is named: products of
    the two are what is looked at then, in place of squares.

    - `array`, `other`: paths of parameters, most often one and the same.
    - `shape`: of these arrays.
    - `axis`, `factors`: the axis, and l, r and m, whose product is its length.
    """

    array: str
    other: str
    shape: tuple[int, ...]
    axis: int
    factors: tuple[int, int, int]

    @property
    def length(self) -> int:
        """r."""
        return self.factors[1]

    @property
    def whole(self) -> bool:
        """Whether it is an axis itself, of squares, and no factor of one."""
        return self.array == self.other and self.factors[0] == self.factors[2] == 1

    def rows(self, x: Any) -> Any:
        """An array of this shape as `(r, the rest)`; one without axes is taken for a
        vector of one entry."""
        before, after = self.shape[: self.axis], self.shape[self.axis + 1 :]
        x = x.reshape(*before, *self.factors, *after)
        middle = self.axis + 1
        order = middle, *(k for k in range(x.ndim) if k != middle)
        return x.transpose(order).reshape(self.length, -1)


def axes(
    shapes: Mapping[str, tuple[int, ...]], length: int, products: bool
) -> list[Axis]:
    """All axes of arrays of these shapes with r = `length`; of r = 1 one an array.

    **Arguments:**

    - `products`: those of two arrays of one shape too.
    """
    found = []
    names = list(shapes)
    pairs = [(name, name) for name in names]
    if products:
        pairs += [p for p in combinations(names, 2) if shapes[p[0]] == shapes[p[1]]]
    for array, other in pairs:
        shape = shapes[array]
        if length == 1:
            found.append(Axis(array, other, shape, 0, (1, 1, shape[0])))
            continue
        for axis, size in enumerate(shape):
            found += [
                Axis(array, other, shape, axis, factors)
                for factors in _factors(size, length)
            ]
    return found


def lengths(shapes: Mapping[str, tuple[int, ...]]) -> list[int]:
    """The lengths of all axes, the largest first, and 1."""
    return sorted({n for shape in shapes.values() for n in shape} | {1}, reverse=True)


def _factors(size: int, length: int) -> list[tuple[int, int, int]]:
    if size % length:
        return []
    rest = size // length
    divisors = [k for k in range(1, math.isqrt(rest) + 1) if rest % k == 0]
    lefts = sorted({*divisors, *(rest // k for k in divisors)})
    return [(left, length, rest // left) for left in lefts]
