"""The laws of a gradient or mirror flow, θ' = −diag(θ^a) ∇L."""

from collections.abc import Iterator
from functools import cached_property
from typing import final

import numpy as np

from ..polynomials import Layout, Polynomial
from ._brackets import BracketRows, gradient_rows
from ._candidates import gradient_candidates
from ._identity import Contraction, derivatives
from ._modular import PrimeField
from ._parametrisation import Parametrisation
from ._table import Table


@final
class GradientCase:
    """State θ, fields X_M."""

    parametrisation: Parametrisation

    def __init__(self, parametrisation: Parametrisation):
        self.parametrisation = parametrisation

    @property
    def layout(self) -> Layout:
        """The variables of a law."""
        return self.parametrisation.layout

    @property
    def dimension(self) -> int:
        """Of the state, whose variables come first in the layout."""
        return self.parametrisation.size

    @property
    def coordinates(self) -> Table:
        """φ in the variables of the layout."""
        return self.parametrisation.coordinates

    @property
    def drift(self) -> list[tuple[int, Polynomial]]:
        """What moves without a gradient, and how fast: nothing."""
        return []

    @property
    def directions(self) -> list[tuple[int, int, Polynomial]]:
        """(j, i, f): the gradient by variable j drives variable i by f times itself."""
        return [
            (j, j, Polynomial({(j,) * int(a): 1}))
            for j, a in enumerate(self.parametrisation.metric)
        ]

    @property
    def known(self) -> list[Polynomial]:
        return list(self.parametrisation.laws)

    @cached_property
    def _contraction(self) -> Contraction:
        return Contraction(self.parametrisation.coordinates, self.dimension)

    def is_law(self, law: Polynomial) -> bool:
        """Whether Σ_j θ_j^{a_j} ∂_j h ∂_j φ_i is the zero polynomial for every i."""
        metric = self.parametrisation.metric
        left = []
        for group in derivatives(Table.of([law])):
            mirror = metric[group.slot] == 1
            left.append(group.where(~mirror))
            part = group.where(mirror)
            left.append(part.times(1, part.slot))
        return self._contraction.vanishes(left)

    def ranks(
        self, prime: PrimeField, point: np.ndarray, rng, enough: int
    ) -> tuple[tuple[int, ...], BracketRows]:
        """See `bracket_rows`: the ranks by level, and the rows that show them."""
        rows = gradient_rows(self.parametrisation, prime, point, rng, enough)
        return rows.ranks, rows

    def candidates(self, prime: PrimeField, rng) -> Iterator[list[Polynomial]]:
        """Polynomials that may be laws, in stages."""
        return gradient_candidates(self.parametrisation, prime, rng)
