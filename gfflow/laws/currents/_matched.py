"""Units of arrays whose currents add up to nothing, and the law that they make."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...problem import named_parameters
from .._rates import Rates
from ._units import Units


@final
class MatchedUnits(NamedTuple):
    """As many units of several arrays, a coefficient for each array, and which pairs
    (i, j) of the r units match too.

    - `units`, `coefficients`: of the arrays that take part.
    - `pairs`: `(r, r)`, symmetric, true on the diagonal; `None` for the diagonal alone.
    """

    units: tuple[Units, ...]
    coefficients: tuple[float, ...]
    pairs: Bool[np.ndarray, "r r"] | None

    @classmethod
    def of(
        cls, units: tuple[Units, ...], coefficients: tuple[float, ...], linear: bool
    ) -> "MatchedUnits":
        """With all pairs, or with none."""
        length = units[0].length
        pairs = np.ones((length, length), bool) if linear else None
        return cls(units, coefficients, pairs)

    @property
    def length(self) -> int:
        """r."""
        return self.units[0].length

    @property
    def arrays(self) -> frozenset[str]:
        """The paths of the arrays that take part."""
        return frozenset(x for units in self.units for x in (units.array, units.other))

    @property
    def quadratic(self) -> bool:
        """Whether there are squares or products in it."""
        return any(units.quadratic for units in self.units)

    @property
    def linear_units(self) -> bool:
        """Whether all pairs of several units match, as of units of a linear layer."""
        return self.length > 1 and self.pairs is not None and bool(self.pairs.all())

    def where(self) -> tuple[np.ndarray, np.ndarray]:
        """i ≤ j of the components."""
        if self.pairs is None:
            return np.arange(self.length), np.arange(self.length)
        i, j = np.nonzero(np.triu(self.pairs))
        return i, j

    def diagonal(self) -> "MatchedUnits":
        """Without the pairs i ≠ j."""
        return self._replace(pairs=None)

    def gradients(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Half the gradient of each component, a row each, by all arrays in order."""
        starts = dict(zip(x, np.cumsum([0, *(part.size for part in x.values())])))
        i, j = self.where()
        rows = np.zeros((len(i), sum(part.size for part in x.values())))
        number = np.arange(len(i))[:, None]
        for units, weight in zip(self.units, self.coefficients, strict=True):
            place = np.arange(x[units.array].size).reshape(units.shape)
            for path, beside in units.slopes(x):
                at = starts[path] + units.rows(place)
                of = weight / 2 * units.rows(beside)
                np.add.at(rows, (number, at[i]), of[j])
                np.add.at(rows, (number, at[j]), of[i])
        return rows

    def function(self, rates: Rates) -> "MatchedSquares":
        """h."""
        i, j = self.where()
        pairs = None if self.pairs is None else (tuple(i.tolist()), tuple(j.tolist()))
        return MatchedSquares(self.units, self.coefficients, pairs, rates)


@final
class MatchedSquares(eqx.Module):
    """h_ij = Σ_A α_A Σ_k A[i,k] A[j,k] / s_A at pairs of units i ≤ j. With products of
    A and B it has A[i,k] B[j,k] + B[i,k] A[j,k] there, with sums and the trace the same
    of A and the constant 1, or the unit matrix; half of that if there is nothing else.

    The gradient of tr(S·AAᵀ)/2 is SA, and that of tr(S·ABᵀ) by A is SB, so that
    ḣ = −2 Σ_A α_A ⟨S, sym(g_A Aᵀ)⟩ with g = ∇L, and g_A Bᵀ + g_B Aᵀ for products: h is
    conserved where the currents, weighed by α, have no entry there (with rates s: see
    `Rates`; where they differ in an array, on the diagonal only).
    """

    units: tuple[Units, ...] = eqx.field(static=True)
    coefficients: tuple[float, ...] = eqx.field(static=True)
    pairs: tuple[tuple[int, ...], tuple[int, ...]] | None = eqx.field(static=True)
    rates: Rates

    @property
    def absolute(self) -> Self:
        """With the absolute value of each coefficient."""
        sizes = tuple(map(abs, self.coefficients))
        return type(self)(self.units, sizes, self.pairs, self.rates.absolute)

    @property
    def degrees(self) -> dict[int, "MatchedSquares"]:
        """Its homogeneous parts by their degree, 0 for a logarithm."""
        terms: dict[int, list[tuple[Units, float]]] = {}
        for units, weight in zip(self.units, self.coefficients, strict=True):
            power = self.rates.power[units.array] or 0
            degree = 2 - power if units.quadratic else 1
            terms.setdefault(degree, []).append((units, weight))
        parts = {}
        for degree, some in terms.items():
            units, weights = zip(*some)
            parts[degree] = type(self)(units, weights, self.pairs, self.rates)
        return parts

    def __call__(self, view) -> Float[Array, " pairs"]:
        parameters = named_parameters(view)
        twice = any(units.quadratic for units in self.units)
        terms = []
        for units, weight in zip(self.units, self.coefficients, strict=True):
            weight = 2 * weight if twice and units.kind != "squares" else weight
            terms.append(weight * self._added_up(units, parameters))
        return sum(terms[1:], terms[0])

    @property
    def arrays(self) -> frozenset[str]:
        """The paths of the arrays that take part."""
        return frozenset(x for units in self.units for x in (units.array, units.other))

    @property
    def polynomial(self) -> bool:
        """Whether all powers 2 − a of entries are 1 or more."""
        return all((self.rates.power[path] or 0) < 2 for path in self.arrays)

    def monomials(
        self, place: Mapping[str, np.ndarray]
    ) -> Iterator[list[tuple[tuple[int, ...], float]]]:
        """The terms of each component, an entry being its number in `place`; where a
        metric has powers 2 − a of entries that are 1 or more."""
        every = np.arange(self.units[0].length)
        for i, j in zip(*(self.pairs or (every, every))):
            of = zip(self.units, self.coefficients, strict=True)
            yield [x for one in of for x in self._terms(*one, int(i), int(j), place)]

    def _terms(self, units: Units, weight: float, i: int, j: int, place):
        """Those of one array in h_ij."""
        inverse = np.asarray(self.rates.inverse[units.array], float)
        inverse = units.rows(np.broadcast_to(inverse, units.shape))
        own = units.rows(place[units.array])
        if units.kind == "squares" and self.pairs is None:
            power = 2 - (self.rates.power[units.array] or 0)
            for entry, rate in zip(own[i], inverse[i]):
                yield (int(entry),) * power, 2 / power * weight * float(rate)
            return
        if units.kind != "squares" and any(other.quadratic for other in self.units):
            weight = 2 * weight
        other = units.rows(place[units.other])
        beside = units.rows(units.partner({units.other: np.ones(units.shape)}))
        for first, second in ((i, j), (j, i)):
            for k, (entry, rate) in enumerate(zip(own[first], inverse[first])):
                partner = (int(other[second, k]),) if units.quadratic else ()
                size = float(rate) * float(beside[second, k])
                yield (int(entry), *partner), weight / 2 * size

    def _added_up(self, units: Units, parameters: dict[str, Array]) -> Array:
        """Of one array, a number for each component."""
        array = parameters[units.array]
        if units.kind == "squares" and self.pairs is None:
            return jnp.sum(units.rows(self.rates.square(units.array, array)), axis=1)
        a = units.rows(array * self.rates.inverse[units.array])
        if units.quadratic:
            b = units.rows(parameters[units.other])
            outer = jnp.sum(a * b, axis=1) if self.pairs is None else a @ b.T
        elif units.kind == "sums":
            outer = jnp.sum(a, axis=1)
            outer = outer if self.pairs is None else outer[:, None] + 0 * outer[None]
        else:
            outer = jnp.diagonal(a) if self.pairs is None else a
        if self.pairs is None:
            return outer
        i, j = map(np.asarray, self.pairs)
        return (outer + outer.T)[i, j] / 2
