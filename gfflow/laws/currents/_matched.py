"""Quadratic and linear laws of arrays whose currents add up to nothing."""

from typing import NamedTuple, Self, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...problem import named_parameters
from .._rates import Rates
from ._axes import Axis


@final
class MatchedAxes(NamedTuple):
    """Axes of one length r with a coefficient each, and which pairs (i, j) of the r
    indices they match at.

    - `axes`, `coefficients`: of the arrays that take part.
    - `pairs`: `(r, r)`, symmetric, true on the diagonal.
    """

    axes: tuple[Axis, ...]
    coefficients: tuple[float, ...]
    pairs: Bool[np.ndarray, "r r"]

    @property
    def length(self) -> int:
        """r."""
        return self.axes[0].length

    @property
    def arrays(self) -> frozenset[str]:
        """The paths of the arrays that take part."""
        return frozenset(x for axis in self.axes for x in (axis.array, axis.other))

    def function(self, rates: Rates) -> "MatchedSquares":
        """h; its diagonal only where the rates within an array differ."""
        i, j = np.nonzero(np.triu(self.pairs))
        diagonal = np.all(i == j) or not rates.uniform(*self.arrays)
        pairs = None if diagonal else (tuple(i.tolist()), tuple(j.tolist()))
        return MatchedSquares(self.axes, self.coefficients, pairs, rates)


@final
class MatchedSquares(eqx.Module):
    """h_ij = Σ_A α_A Σ_k A[i,k] A'[j,k] / s_A at pairs i ≤ j; A' = A, but where the
    product of two arrays stands for a square.

    The gradient of tr(S·AAᵀ)/2 is SA, so ḣ = −2 Σ_A α_A ⟨S, sym(g_A Aᵀ)⟩ with g = ∇L:
    h is conserved where the currents sym(g_A Aᵀ), weighed by α, have no entry there
    (with rates s: see `Rates`; where they differ in an array, on the diagonal only).
    """

    axes: tuple[Axis, ...] = eqx.field(static=True)
    coefficients: tuple[float, ...] = eqx.field(static=True)
    pairs: tuple[tuple[int, ...], tuple[int, ...]] | None = eqx.field(static=True)
    rates: Rates

    @property
    def absolute(self) -> Self:
        """With the absolute value of each coefficient."""
        sizes = tuple(map(abs, self.coefficients))
        return type(self)(self.axes, sizes, self.pairs, self.rates.absolute)

    def __call__(self, view) -> Float[Array, " pairs"]:
        parameters = named_parameters(view)
        terms = []
        for axis, weight in zip(self.axes, self.coefficients, strict=True):
            a = axis.rows(parameters[axis.array] * self.rates.inverse[axis.array])
            b = axis.rows(parameters[axis.other])
            if self.pairs is None:
                terms.append(weight * jnp.sum(a * b, axis=1))
                continue
            outer, (i, j) = a @ b.T, map(np.asarray, self.pairs)
            terms.append(weight / 2 * (outer + outer.T)[i, j])
        return sum(terms[1:], terms[0])


@final
class MatchedEntries(eqx.Module):
    """h_n = Σ_e α_ne Σ_k A[i,k]²/s_A over indices e = (A, i) of several axes: as
    `MatchedSquares`, for units that stand in a different order in each array.

    - `axes`: without factors.
    - `terms`: of each component, (the number of an axis, an index of it, α).
    """

    axes: tuple[Axis, ...] = eqx.field(static=True)
    terms: tuple[tuple[tuple[int, int, float], ...], ...] = eqx.field(static=True)
    rates: Rates

    @property
    def absolute(self) -> Self:
        """With the absolute value of each coefficient."""
        sizes = tuple(tuple((k, i, abs(c)) for k, i, c in row) for row in self.terms)
        return type(self)(self.axes, sizes, self.rates.absolute)

    def __call__(self, view) -> Float[Array, " n"]:
        parameters = named_parameters(view)

        def squares(axis: Axis):
            a = parameters[axis.array]
            return jnp.sum(axis.rows(a**2 * self.rates.inverse[axis.array]), axis=1)

        of = [squares(axis) for axis in self.axes]
        return jnp.stack([sum(c * of[k][i] for k, i, c in row) for row in self.terms])


@final
class Sums(eqx.Module):
    """Σ_i A[i,k]/s_A over an axis, at some k; for an axis of r = 1 entries of A/s_A."""

    axis: Axis = eqx.field(static=True)
    which: tuple[int, ...] = eqx.field(static=True)
    rates: Rates

    @property
    def absolute(self) -> Self:
        """With the absolute value of each coefficient."""
        return type(self)(self.axis, self.which, self.rates.absolute)

    def __call__(self, view) -> Float[Array, " n"]:
        path = self.axis.array
        value = named_parameters(view)[path] * self.rates.inverse[path]
        return jnp.sum(self.axis.rows(value), axis=0)[np.asarray(self.which)]
