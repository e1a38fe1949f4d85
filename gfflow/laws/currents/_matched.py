"""Units of arrays whose currents add up to nothing, and the law that they make."""

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
