"""Units along axes of arrays of parameters, and along factors of axes."""

import math
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, final

import numpy as np

Kind = Literal["squares", "products", "sums", "trace"]


@final
class Units(NamedTuple):
    """r units of an array: what is left of it when the index of a unit is fixed.

    Each axis is split into factors; the index of a unit is made of some factors of all
    of them, as of (head, entry) in an array of axes (head, entry, input), or of the
    middle one of (l, r, m) for an axis of length lrm.

    - `array`, `other`: paths of parameters, most often one and the same.
    - `shape`: of these arrays.
    - `split`: the factors of each axis.
    - `kept`: the numbers of the factors, counted through all axes, that the index of a
        unit is made of, in this order.
    - `chosen`: the units meant, in this order; `None` for all.
    - `kind`: what is added up over a unit: squares; products with the array `other`;
        entries; or, of a square matrix, those of the diagonal (`"trace"`).
    """

    array: str
    other: str
    shape: tuple[int, ...]
    split: tuple[tuple[int, ...], ...]
    kept: tuple[int, ...]
    chosen: tuple[int, ...] | None = None
    kind: Kind = "squares"

    @classmethod
    def of_axes(
        cls,
        array: str,
        shape: tuple[int, ...],
        axes: Iterable[int],
        kind: Kind = "squares",
    ) -> "Units":
        """The indices of some axes of an array, in this order."""
        split = tuple((n,) for n in shape)
        return cls(array, array, shape, split, tuple(axes), kind=kind)

    @classmethod
    def along(cls, array: str, shape: tuple[int, ...], axis: int) -> "Units":
        """The indices of one axis of an array."""
        split = tuple((n,) for n in shape)
        split = (*split[:axis], (1, shape[axis], 1), *split[axis + 1 :])
        return cls(array, array, shape, split, (axis + 1,))

    @property
    def factors(self) -> tuple[int, ...]:
        """Those of all axes."""
        return tuple(n for axis in self.split for n in axis)

    @property
    def length(self) -> int:
        """r."""
        if self.chosen is not None:
            return len(self.chosen)
        return math.prod(self.factors[k] for k in self.kept)

    @property
    def axes(self) -> tuple[int, ...]:
        """Those that the units lie along."""
        owner = [axis for axis, factors in enumerate(self.split) for _ in factors]
        return tuple(sorted({owner[k] for k in self.kept}))

    @property
    def axis(self) -> int | None:
        """That which the units lie along; `None` if they do along several or none."""
        axes = self.axes
        return axes[0] if len(axes) == 1 else None

    @property
    def in_one_axis(self) -> int | None:
        """The axis (l, r, m) of which they are the middle factor, all of it; `None`
        where they are something else."""
        simple = len(self.kept) == 1 and self.chosen is None and self.kind != "trace"
        axis = self.axis if simple else None
        return axis if axis is not None and len(self.split[axis]) == 3 else None

    @property
    def whole(self) -> bool:
        """Whether the units are the indices of one axis, all of them in order."""
        axis = self.axis
        return (
            axis is not None
            and self.chosen is None
            and self.length == self.shape[axis]
            and len(self.kept) == 1
        )

    @property
    def quadratic(self) -> bool:
        """Whether it is of squares or products."""
        return self.kind in ("squares", "products")

    def rows(self, x: Any) -> Any:
        """An array of this shape as `(r, the rest)`; one without axes is taken for a
        vector of one entry."""
        factors = self.factors
        rest = tuple(k for k in range(len(factors)) if k not in self.kept)
        x = x.reshape(factors).transpose(*self.kept, *rest)
        x = x.reshape(math.prod(factors[k] for k in self.kept), -1)
        return x if self.chosen is None else x[np.asarray(self.chosen)]

    def spread(self, of_units: np.ndarray) -> np.ndarray:
        """The array whose entries are the number of their unit, 0 where it is none of
        these."""
        factors = self.factors
        if self.chosen is not None:
            every = np.zeros(math.prod(factors[k] for k in self.kept))
            np.add.at(every, np.asarray(self.chosen), of_units)
            of_units = every
        ordered = sorted(range(len(self.kept)), key=lambda n: self.kept[n])
        values = of_units.reshape([factors[k] for k in self.kept]).transpose(ordered)
        inside = [n if k in self.kept else 1 for k, n in enumerate(factors)]
        return np.broadcast_to(values.reshape(inside), factors).reshape(self.shape)

    def partner(self, x: dict[str, Any]) -> Any:
        """What an array stands beside in the current: `other`, or ones, or the unit
        matrix."""
        if self.quadratic:
            return x[self.other]
        if self.kind == "sums":
            return np.ones(self.shape)
        return np.eye(self.shape[0])

    def terms(self, x: dict[str, Any], g: dict[str, Any]) -> tuple[Any, Any]:
        """g∘A, or what stands for it, in the shape of the array; and the sum of sizes
        where there are two."""
        if self.kind != "products":
            one = g[self.array] * self.partner(x)
            return one, np.abs(one)
        one, two = g[self.array] * x[self.other], g[self.other] * x[self.array]
        return one + two, np.abs(one) + np.abs(two)

    def slopes(self, x: dict[str, Any]) -> list[tuple[str, Any]]:
        """Half the derivative of what is added up over the units, by each array."""
        found = [(self.array, self.partner(x))]
        if self.kind == "products":
            found.append((self.other, x[self.array]))
        return found

    @property
    def beside(self) -> tuple[str, str, Kind]:
        """What of these does not depend on the units."""
        return self.array, self.other, self.kind


def joined(one: Units, two: Units) -> Units | None:
    """The units whose index is that of one and of two together; `None` where they split
    an axis in ways that do not go together, or have a factor in common."""
    if one.beside != two.beside or one.chosen or two.chosen:
        return None
    split, places = [], ({}, {})
    number = 0
    for axis, size in enumerate(one.shape):
        edges = [_edges(u.split[axis]) for u in (one, two)]
        every = sorted({*edges[0], *edges[1]})
        if any(b % a for a, b in zip(every, every[1:])) or every[-1] != size:
            return None
        split.append(tuple(b // a for a, b in zip(every, every[1:])) or (1,))
        for place, u, ends in zip(places, (one, two), edges):
            first = sum(len(other) for other in u.split[:axis])
            for k, (a, b) in enumerate(zip(ends, ends[1:])):
                inside = range(every.index(a), every.index(b))
                place[first + k] = [number + n for n in inside]
        number += len(split[-1])
    kept = [[n for k in u.kept for n in p[k]] for p, u in zip(places, (one, two))]
    if set(kept[0]) & set(kept[1]):
        return None
    return one._replace(split=tuple(split), kept=(*kept[0], *kept[1]))


def _edges(factors: tuple[int, ...]) -> list[int]:
    """1, l, lr, lrm."""
    return [math.prod(factors[:k]) for k in range(len(factors) + 1)]
