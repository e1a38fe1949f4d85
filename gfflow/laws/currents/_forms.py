"""Laws that weigh the entries of several arrays by matrices of their own."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Self, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problem import named_parameters
from .._rates import Rates
from ._units import Units


@final
class Forms(NamedTuple):
    """Several laws of the same arrays, each with a matrix, or a vector, for each array.

    - `units`: squares along one axis, or of all entries; products with another array
        along one axis; or sums of single entries.
    - `weights`: of c laws, `(c, r, r)`, symmetric for squares; `(c, r)` for entries.
    """

    units: tuple[Units, ...]
    weights: tuple[np.ndarray, ...]

    @property
    def arrays(self) -> frozenset[str]:
        """The paths of the arrays that take part."""
        return _arrays(self.units)

    @property
    def quadratic(self) -> bool:
        """Whether there are squares or products in it."""
        return any(units.quadratic for units in self.units)

    @property
    def name(self) -> str:
        """By its arrays."""
        every = (path for one in self.units for path in (one.array, one.other))
        arrays = ", ".join(dict.fromkeys(every))
        return f"{'quadratic' if self.quadratic else 'linear'} forms of {arrays}"

    def flows_at(self, rates: Rates) -> bool:
        """Whether the laws are ones at these rates: of one number an array, the same
        for two that are multiplied."""
        return all(rates.equal(units.array, units.other) for units in self.units)

    def gradients(self, x: dict[str, np.ndarray]) -> np.ndarray:
        """Half the gradient of each law, a row each, by all arrays in order."""
        count = len(self.weights[0])
        rows = {path: np.zeros((count, part.size)) for path, part in x.items()}
        for units, weights in zip(self.units, self.weights, strict=True):
            place = units.rows(np.arange(x[units.array].size).reshape(units.shape))
            if not units.quadratic:
                rows[units.array][:, place] += weights[:, :, None]
                continue
            rows[units.array][:, place] += weights @ units.rows(x[units.other])
            if units.kind == "products":
                other = weights.transpose(0, 2, 1) @ units.rows(x[units.array])
                rows[units.other][:, place] += other
        return np.concatenate(list(rows.values()), axis=1)

    def function(self, rates: Rates) -> "WeighedForms":
        """h."""
        return WeighedForms(self.units, tuple(map(jnp.asarray, self.weights)), rates)


@final
class WeighedForms(eqx.Module):
    """h_c = Σ_A ⟨S_cA, AAᵀ⟩/s_A + 2 Σ_AB ⟨M_cAB, ABᵀ⟩/s_A + 2 Σ_A ⟨w_cA, A⟩/s_A; half
    of the last if there is nothing else.

    The gradient of ⟨S, AAᵀ⟩ is 2SA, that of ⟨M, ABᵀ⟩ is MB and MᵀA, so that ḣ_c =
    −2 (Σ_A ⟨S_cA, sym(g_A Aᵀ)⟩ + Σ_AB ⟨M_cAB, g_A Bᵀ + A g_Bᵀ⟩ + Σ_A ⟨w_cA, g_A⟩) with
    g = ∇L, for rates s_A that are one number an array, and the same for A and B: h is
    conserved where the currents, weighed so, add up to nothing.
    """

    units: tuple[Units, ...] = eqx.field(static=True)
    weights: tuple[Array, ...]
    rates: Rates

    @property
    def absolute(self) -> Self:
        """With the absolute value of each weight."""
        sizes = tuple(map(jnp.abs, self.weights))
        return type(self)(self.units, sizes, self.rates.absolute)

    @property
    def degrees(self) -> dict[int, "WeighedForms"]:
        """Its homogeneous parts by their degree."""
        terms: dict[int, list[tuple[Units, Array]]] = {}
        for units, weights in zip(self.units, self.weights, strict=True):
            if not units.quadratic:
                weights = self._factor(units) * weights
            terms.setdefault(2 if units.quadratic else 1, []).append((units, weights))
        return {
            degree: type(self)(*map(tuple, zip(*some)), rates=self.rates)
            for degree, some in terms.items()
        }

    @property
    def arrays(self) -> frozenset[str]:
        """The paths of the arrays that take part."""
        return _arrays(self.units)

    @property
    def polynomial(self) -> bool:
        """Whether it is one: always."""
        return True

    def monomials(
        self, place: Mapping[str, np.ndarray]
    ) -> Iterator[list[tuple[tuple[int, ...], float]]]:
        """The terms of each law, an entry being its number in `place`."""
        for law in range(len(self.weights[0])):
            terms = []
            for units, weights in zip(self.units, self.weights, strict=True):
                entries = units.rows(place[units.array])
                rate = float(np.ravel(self.rates.inverse[units.array])[0])
                rate *= self._factor(units)
                weighed = np.asarray(weights[law])
                beside = (entries, units.rows(place[units.other]))
                for at in zip(*np.nonzero(weighed)):
                    rows = zip(*(of[i].tolist() for of, i in zip(beside, at)))
                    terms += [(row, rate * float(weighed[at])) for row in rows]
            yield terms

    def __call__(self, view) -> Float[Array, " laws"]:
        parameters = named_parameters(view)
        terms = []
        for units, weights in zip(self.units, self.weights, strict=True):
            array = parameters[units.array]
            scaled = units.rows(array * self.rates.inverse[units.array])
            weights = self._factor(units) * weights.astype(scaled.dtype)
            if units.quadratic:
                gram = scaled @ units.rows(parameters[units.other]).T
                terms.append(jnp.sum(weights * gram[None], axis=(1, 2)))
            else:
                terms.append(weights @ scaled[:, 0])
        return sum(terms[1:], terms[0])

    def _factor(self, units: Units) -> float:
        if units.kind == "products":
            return 2.0
        mixed = any(other.quadratic for other in self.units)
        return 2.0 if mixed and not units.quadratic else 1.0


def _arrays(some: tuple[Units, ...]) -> frozenset[str]:
    return frozenset(path for units in some for path in (units.array, units.other))
