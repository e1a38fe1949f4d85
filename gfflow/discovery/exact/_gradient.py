"""The laws of a gradient or mirror flow, θ' = −diag(θ^a) ∇L."""

from collections.abc import Iterator
from functools import cached_property
from typing import final

import numpy as np

from ..polynomials import Layout, Polynomial
from ._brackets import bracket_ranks
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
    ) -> tuple[int, ...]:
        """See `bracket_ranks`."""
        return bracket_ranks(self.parametrisation, prime, point, rng, enough)

    def candidates(self, prime: PrimeField, rng) -> Iterator[list[Polynomial]]:
        """Polynomials that may be laws, in stages."""
        return gradient_candidates(self.parametrisation, prime, rng)
