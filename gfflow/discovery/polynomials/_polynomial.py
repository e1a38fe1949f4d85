"""Polynomials in the entries of named arrays, with rational coefficients."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TypeVar, final

import numpy as np

Monomial = tuple[int, ...]
Entries = TypeVar("Entries", bound=Sequence[int])


@dataclass(frozen=True)
class Layout:
    """Named arrays, and the flat vector of all their entries, in C order."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def size(self) -> int:
        """The number of entries."""
        return sum(self.sizes)

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of entries of each array."""
        return tuple(math.prod(shape) for shape in self.shapes)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each array begins in the flat vector."""
        return tuple(int(x) for x in np.cumsum([0, *self.sizes])[:-1])

    def locate(self, flat: int) -> tuple[int, tuple[int, ...]]:
        """The array that an entry is in, and its index there."""
        array = bisect_right(self.offsets, flat) - 1
        while self.sizes[array] == 0:
            array -= 1
        place = np.unravel_index(flat - self.offsets[array], self.shapes[array])
        return array, tuple(int(i) for i in place)

    def entry(self, flat: int) -> str:
        """Such as `layers[0].weight[3, 1]`."""
        array, index = self.locate(flat)
        inside = ", ".join(map(str, index))
        return f"{self.names[array]}[{inside}]" if index else self.names[array]


@final
class Polynomial:
    """Σ coefficient · Π entries.

    **Attributes:**

    - `terms`: monomial → coefficient, not 0. A monomial is the sorted flat indices of
        its factors, each as often as its power; `()` is the constant.
    """

    terms: dict[Monomial, Fraction]

    def __init__(self, terms: Mapping[Entries, int | Fraction]):
        gathered: dict[Monomial, Fraction] = {}
        for monomial, coefficient in terms.items():
            key = tuple(sorted(int(i) for i in monomial))
            gathered[key] = gathered.get(key, Fraction(0)) + Fraction(coefficient)
        self.terms = {key: gathered[key] for key in sorted(gathered) if gathered[key]}

    @property
    def degree(self) -> int:
        """The largest degree of a monomial."""
        return max((len(monomial) for monomial in self.terms), default=0)

    @property
    def degrees(self) -> set[int]:
        """The degrees of its monomials."""
        return {len(monomial) for monomial in self.terms}

    @property
    def support(self) -> list[int]:
        """The entries that it is made of, by flat index."""
        return sorted({i for monomial in self.terms for i in monomial})

    def parts(self) -> list["Polynomial"]:
        """Its homogeneous parts, by degree."""
        of = lambda n: {m: c for m, c in self.terms.items() if len(m) == n}
        return [Polynomial(of(n)) for n in sorted(self.degrees)]

    def derivative(self, entry: int) -> "Polynomial":
        """∂/∂θ_entry."""
        found: dict[Monomial, Fraction] = {}
        for monomial, coefficient in self.terms.items():
            power = monomial.count(entry)
            if power:
                at = monomial.index(entry)
                found[monomial[:at] + monomial[at + 1 :]] = power * coefficient
        return Polynomial(found)

    def value(self, theta):
        """At a sequence of numbers."""
        return sum(
            coefficient * math.prod(theta[i] for i in monomial)
            for monomial, coefficient in self.terms.items()
        )

    def slopes(self, theta: np.ndarray) -> np.ndarray:
        """Its gradient at a point, `(D,)`, in floating point."""
        found = np.zeros(len(theta))
        for monomial, coefficient in self.terms.items():
            for at, entry in enumerate(monomial):
                rest = monomial[:at] + monomial[at + 1 :]
                found[entry] += float(coefficient) * float(np.prod(theta[list(rest)]))
        return found

    def __eq__(self, other) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __repr__(self) -> str:
        return f"Polynomial({self.terms})"
