"""The fields of a momentum flow at points of GF(p)."""

from typing import NamedTuple

import numpy as np

from ._brackets import BracketRows, bracket_rows, spanning_weights
from ._friction import PolynomialFriction
from ._jets import LAST_ORDER, jet_ranks
from ._modular import PrimeField
from ._nilpotent import Nilpotent
from ._parametrisation import Parametrisation

_DEEPEST = 4


class PhaseSpace(NamedTuple):
    """States (c, θ, v): [algebra, 1 + 2D, batch].

    **Fields:** `tau`: the value of a constant friction.
    """

    parametrisation: Parametrisation
    friction: PolynomialFriction
    tau: int

    def drift(self, algebra: Nilpotent, state: np.ndarray) -> np.ndarray:
        """F = scale · (c', v, −τv)."""
        clock, _, speed = self._split(state)
        friction = self._times(algebra, self.friction.kappa, clock, speed)
        back = algebra.field.subtract(np.zeros_like(friction), friction)
        one = np.zeros_like(clock)
        one[0] = 1
        rate = self._times(algebra, self.friction.rate, clock, one)
        forward = self._times(algebra, self.friction.scale, clock, speed)
        return np.concatenate([rate, forward, back], axis=1)

    def acceleration(
        self, algebra: Nilpotent, state: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """(0, 0, scale · X_M)."""
        clock, theta, speed = self._split(state)
        force = self.parametrisation.coordinates.gradient(algebra, theta, weights)
        found = self._times(algebra, self.friction.scale, clock, force)
        mirror = np.flatnonzero(self.parametrisation.metric)
        if len(mirror):
            own = self._times(algebra, self.friction.scale, clock, speed[:, mirror])
            own += self._times(algebra, self.friction.kappa, clock, theta[:, mirror])
            own = algebra.field.reduce(own)
            found[:, mirror] = algebra.multiply(own, force[:, mirror])
        rest = np.zeros((len(found), 1 + theta.shape[1], found.shape[2]), np.uint64)
        return np.concatenate([rest, found], axis=1)

    def field(
        self, algebra: Nilpotent, state: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """Of the drift and the fields of the coordinates, in this order."""
        drift = algebra.multiply(weights[:, :1], self.drift(algebra, state))
        return algebra.field.reduce(
            drift + self.acceleration(algebra, state, weights[:, 1:])
        )

    def rows(
        self,
        prime: PrimeField,
        state: np.ndarray,
        rng: np.random.Generator,
        enough: int,
    ) -> BracketRows:
        """See `bracket_rows`."""
        used = self.parametrisation.subset(4 * self.parametrisation.size, rng)
        part = self._replace(parametrisation=self.parametrisation.taking(used))
        count = part.parametrisation.coordinates.count
        found = bracket_rows(part.field, count, prime, state, rng, enough, _DEEPEST)
        return found._replace(used=used)

    def ranks(
        self,
        prime: PrimeField,
        state: np.ndarray,
        rng: np.random.Generator,
        enough: int,
    ) -> tuple[int, ...]:
        """See `jet_ranks`."""
        size = self.parametrisation.size
        used = self.parametrisation.subset(4 * size, rng)
        part = self._replace(parametrisation=self.parametrisation.taking(used))
        count = part.parametrisation.coordinates.count
        basis = spanning_weights(prime, count, size, rng)
        push = prime.random(rng, (LAST_ORDER + 1, 1, 1))
        kick = prime.random(rng, (LAST_ORDER + 1, count, 1))

        def path(algebra: Nilpotent, state: np.ndarray) -> np.ndarray:
            along = algebra.multiply(algebra.series(push), part.drift(algebra, state))
            own = part.acceleration(algebra, state, algebra.series(kick))
            return prime.reduce(along + own)

        def fields(algebra: Nilpotent, state: np.ndarray) -> np.ndarray:
            forces = part.acceleration(algebra, state, basis)
            return np.concatenate([part.drift(algebra, state), forces], axis=2)

        return jet_ranks(prime, state, path, fields, enough)

    def _split(self, state: np.ndarray) -> list[np.ndarray]:
        return np.split(state, [1, 1 + self.parametrisation.size], axis=1)

    def _times(self, algebra: Nilpotent, factor, clock, x) -> np.ndarray:
        """x · coefficient · c^power · τ^power."""
        coefficient, clocks, taus = factor
        number = coefficient * self.tau**taus % algebra.field.prime
        found = algebra.field.reduce(x * np.uint64(number))
        for _ in range(clocks):
            found = algebra.multiply(clock, found)
        return found
