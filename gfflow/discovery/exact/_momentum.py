"""The laws of a momentum flow θ'' + τ(t) θ' = −∇L."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import combinations
from typing import final

import numpy as np

from ..polynomials import Layout, Polynomial
from ._brackets import BracketRows
from ._candidates import MOST_UNKNOWNS, null_vectors, sample_fields
from ._friction import PolynomialFriction
from ._identity import Contraction, Derivatives, cancels, derivatives
from ._modular import PrimeField
from ._parametrisation import Parametrisation
from ._phase_space import PhaseSpace
from ._table import Table


@final
class MomentumCase:
    """State s = (c, θ, v), v = θ', c the clock of `PolynomialFriction`.

    The fields are the drift F = (c', v, −τv) and (0, 0, X_M), with X_M =
    diag(τθ_i + v_i where a_i = 1, else 1) ∇⟨M, φ⟩ (Marcotte et al. 2024,
    arXiv 2405.12888, §3). Both are multiplied by the scale of the friction, which
    changes neither the laws nor dim Lie where it is not 0.
    """

    parametrisation: Parametrisation
    friction: PolynomialFriction

    def __init__(self, parametrisation: Parametrisation, friction: PolynomialFriction):
        self.parametrisation = parametrisation
        self.friction = friction

    @property
    def layout(self) -> Layout:
        """The clock, θ, θ', and τ where it is a constant."""
        theta = self.parametrisation.layout
        names = (self.friction.clock, *theta.names, *(f"{x}'" for x in theta.names))
        shapes = ((), *theta.shapes, *theta.shapes)
        if self.friction.kind == "constant":
            return Layout((*names, "τ"), (*shapes, ()))
        return Layout(names, shapes)

    @property
    def dimension(self) -> int:
        """2D + 1; τ is a number, not a part of the state."""
        return 2 * self.parametrisation.size + 1

    @cached_property
    def coordinates(self) -> Table:
        """φ(θ) in the variables of the layout, in which θ is one further."""
        place = 1 + np.arange(self.parametrisation.size)
        return self.parametrisation.coordinates.placed(place)

    @property
    def drift(self) -> list[tuple[int, Polynomial]]:
        """F: (variable, its rate)."""
        size = self.parametrisation.size
        found = [(0, self._factor(self.friction.rate))]
        for i in range(1, 1 + size):
            found.append((i, self._factor(self.friction.scale, i + size)))
            back = self._factor(self.friction.kappa, i + size).terms
            found.append((i + size, Polynomial({m: -c for m, c in back.items()})))
        return found

    @property
    def directions(self) -> list[tuple[int, int, Polynomial]]:
        """(j, i, f): the gradient by variable j drives variable i by f times itself."""
        size = self.parametrisation.size
        found = []
        for j, a in enumerate(self.parametrisation.metric, start=1):
            plain = self._factor(self.friction.scale)
            if a:
                own = self._factor(self.friction.scale, j + size).terms
                plain = Polynomial(own | self._factor(self.friction.kappa, j).terms)
            found.append((j, j + size, plain))
        return found

    @property
    def known(self) -> list[Polynomial]:
        """Each linear law gives two (translation), each rotation one (Noether).

        For s = ⟨a, θ⟩ conserved by every gradient, s'' = −τs': μs' is constant, and so
        is s + ts'/(r − 1), s + s'/τ or s − ts'. For A skew with ⟨∇φ, Aθ⟩ = 0,
        (θ'ᵀAθ)' = θ''ᵀAθ = −τ θ'ᵀAθ: μθ'ᵀAθ is constant.
        """
        if not self.parametrisation.euclidean:
            return []
        found = [self._rotation(turn) for turn in self.parametrisation.rotations]
        for law in self.parametrisation.laws:
            if law.degrees == {1}:
                found += self._translation(law)
        return found

    def is_law(self, law: Polynomial) -> bool:
        """Whether F·∇h and, for every i, X_i·∇h are the zero polynomial."""
        size = self.parametrisation.size
        drift, left = [], []
        for group in derivatives(Table.of([law])):
            slot = group.slot
            clock = group.where(slot == 0)
            place = group.where((slot > 0) & (slot <= size))
            speed = group.where((slot > size) & (slot < self.dimension))
            drift.append(self._times(clock, self.friction.rate))
            drift.append(self._times(place, self.friction.scale, place.slot + size))
            back = self._times(speed, self.friction.kappa, speed.slot)
            drift.append(back.times(-1))
            force = speed._replace(slot=speed.slot - size)
            mirror = self.parametrisation.metric[force.slot - 1] == 1
            own = force.where(mirror)
            left.append(self._times(force.where(~mirror), self.friction.scale))
            left.append(self._times(own, self.friction.scale, own.slot + size))
            left.append(self._times(own, self.friction.kappa, own.slot))
        return cancels(drift) and self._contraction.vanishes(left)

    def ranks(
        self, prime: PrimeField, point: np.ndarray, rng, enough: int
    ) -> tuple[tuple[int, ...], BracketRows]:
        """See `bracket_rows`; where these do not close, `jet_ranks`, of which there are
        no rows. The point holds the state, and τ where it is a constant.
        """
        tau = int(point[-1]) if self.friction.kind == "constant" else 0
        space = PhaseSpace(self.parametrisation, self.friction, tau)
        state = point[: self.dimension]
        rows = space.rows(prime, state, rng, enough)
        if rows.ranks[-1] == enough or rows.ranks[-1:] == rows.ranks[-2:-1]:
            return rows.ranks, rows
        return space.ranks(prime, state, rng, enough), rows

    def candidates(self, prime: PrimeField, rng) -> Iterator[list[Polynomial]]:
        """Rotations of all of θ, if there are at most 2000 unknowns."""
        size = self.parametrisation.size
        pairs = list(combinations(range(size), 2))
        if not self.parametrisation.euclidean or not 0 < len(pairs) <= MOST_UNKNOWNS:
            return
        theta, field = sample_fields(self.parametrisation, prime, len(pairs), rng)
        i, j = np.array(pairs).T
        equations = prime.subtract(
            prime.reduce(theta[i] * field[j]), prime.reduce(theta[j] * field[i])
        )
        vectors = null_vectors(np.ascontiguousarray(equations.T), prime)
        yield [
            self._rotation({pairs[i]: c for i, c in vector.items()})
            for vector in vectors
        ]

    @cached_property
    def _contraction(self) -> Contraction:
        return Contraction(self.coordinates, self.dimension)

    def _rotation(self, turn: Mapping) -> Polynomial:
        size, clock = self.parametrisation.size, (0,) * self.friction.power
        terms = {}
        for (i, j), value in turn.items():
            terms[*clock, 1 + i, 1 + size + j] = value
            terms[*clock, 1 + j, 1 + size + i] = -value
        return Polynomial(terms)

    def _translation(self, law: Polynomial) -> list[Polynomial]:
        size, r = self.parametrisation.size, self.friction.r
        clock = (0,) * self.friction.power
        impulse, place = {}, {}
        for (i,), c in law.terms.items():
            theta, speed = 1 + i, 1 + size + i
            impulse[*clock, speed] = c
            if self.friction.kind == "free":
                place |= {(theta,): c, (0, speed): -c}
            elif self.friction.kind == "constant":
                place |= {(theta, self.dimension): c, (speed,): c}
            elif r > 1:
                place |= {(theta,): c * (r - 1), (0, speed): c}
        return [Polynomial(terms) for terms in (impulse, place) if terms]

    def _factor(self, factor, *entries: int) -> Polynomial:
        """entries · coefficient · c^power · τ^power."""
        coefficient, clocks, taus = factor
        powers = (0,) * clocks + (self.dimension,) * taus
        return Polynomial({(*entries, *powers): coefficient})

    def _times(self, group: Derivatives, factor, *entries) -> Derivatives:
        """Times entries · coefficient · c^power · τ^power."""
        coefficient, clocks, taus = factor
        powers = (0,) * clocks + (self.dimension,) * taus
        return group.times(coefficient, *entries, *powers)
