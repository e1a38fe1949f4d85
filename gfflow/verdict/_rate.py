"""The rate of a law along the field, and how small a rate is told from round-off."""

from collections.abc import Sequence
from typing import NamedTuple, final

import numpy as np

# The least |ḣ| over its terms that is a violation, in units of the machine precision.
# Eight draws of round-off have a mean of LIMIT/_SPREAD = 16 standard deviations once in
# 10⁹ times (Student's t of 7 degrees of freedom at 16√8).
LIMIT = 64.0
# A rate that is more than this many times LIMIT is drawn no more often.
_CLEAR = 1e3
# Terms per standard deviation of the draws, and what ‖∇h‖‖f‖ is divided by to stand for
# absorbed terms, in the same units; of both the truth corpus needs no more than a
# quarter.
_SPREAD, _ABSORBED = 4.0, 16.0
# Where the terms are this many times what shows in ḣ, its absence says nothing; nor
# does what is left of absorbed terms: ‖∇h‖‖f‖ is multiplied by _ABSORBED there.
# Saturated attention loses 10⁻¹⁹ to 10⁻¹⁴ of it, by the compiler's options.
_BLUNT = 1e3
# Below, underflow is more than 10⁻¹⁰ of a value.
_LEAST = 1e10 * float(np.finfo(float).tiny)
_EPS = float(np.finfo(float).eps)
# A part of ‖∇h‖‖f‖ that is round-off of the rest, where the draws differ by more than
# a part of it; a slow part of the field that is known to all its digits is none.
_STILL, _DIFFERS = 1e-13, 1e-3
# A change of the rate, of its terms, from a nudge of the state that no law makes (a
# frequency of 10¹²); and one, in units of the precision, that is the field's own.
_WILD, _TAME = 1e-3, 1e4
# From a tolerance to another that is a hundredth of it.
_FALLS = 0.3


@final
class Rate(NamedTuple):
    """The rates of laws: arrays with one entry a component, `(C,)`, or with P places
    leading, `(P, C)`.

    Rounding is measured, not bounded. The state is drawn eight times, as it is and with
    each entry changed by some units in its last place: a rate that is a property of the
    law comes out the same each time, and one that is round-off does not, wherever
    inside of the model, the loss or the law it arises (Vignes 1993, A stochastic
    arithmetic for reliable scientific computation).

    - `rate`: ḣ = ∂_t h + ∇h·f, plus decay_rate·h for a law that states its decay; the
      mean of the draws, in units of law per flow time.
    - `strength`: (Σ_i (∂_i h f_i)²)^½, by random signs, with |∂_t h| and the decay: the
      size of the terms that ḣ is the sum of.
    - `spread`: the standard deviation of the draws.
    - `value`, `scale`: h and the law's scale, no less than that of which the spread of
      the values is the round-off: a law may lose digits inside of itself.
    - `bound`: ‖∇h‖‖f‖, the most that ∇h·f could be; where the rate was taken again in
      double-double arithmetic, times 2⁻⁵², for so much less of it is lost there.
    - `frozen`: the standard deviation of ∇h·f over the draws of f alone.
    - `moves`: whether every entry of the field is a number, and some are not 0.
    - `precision`: the machine precision in which all this was computed.
    """

    rate: np.ndarray
    strength: np.ndarray
    spread: np.ndarray
    value: np.ndarray
    scale: np.ndarray
    bound: np.ndarray
    frozen: np.ndarray
    moves: np.ndarray
    precision: float

    def at(self, places: slice | int | np.ndarray) -> "Rate":
        """At some of the places."""
        return Rate._make([*(x[places] for x in self[:-1]), self.precision])

    def of(self, which: slice) -> "Rate":
        """Of some of the components."""
        cut = (x[..., which] for x in self[:-2])
        return Rate._make([*cut, self.moves, self.precision])

    @property
    def terms(self) -> np.ndarray:
        """What ḣ is weighed against: its terms, no less than those of which the spread
        is the round-off, and no less than a part of ‖∇h‖‖f‖: what is absorbed in a sum
        (the 1 − p of a saturated softmax) is lost in the same way each time."""
        with np.errstate(over="ignore"):
            measured = self.spread / (_SPREAD * self.precision)
            deep = self.bound > _BLUNT * _ABSORBED * self.strength
            absorbed = self.bound * np.where(deep, _ABSORBED, 1 / _ABSORBED)
        return np.fmax(np.fmax(self.strength, measured), absorbed)

    @property
    def vanishing(self) -> np.ndarray:
        """Where h and its terms are below what floating point resolves."""
        return self.finite & (np.fmax(self.scale, self.strength) <= _LEAST)

    @property
    def finite(self) -> np.ndarray:
        """Where the law and its rate are numbers."""
        return np.isfinite(self.value) & np.isfinite(self.rate)

    @property
    def still(self) -> np.ndarray:
        """Where the field moves, but its part along ∇h is below the round-off of the
        rest, and is round-off."""
        absorbed = self.strength <= _STILL * (self.precision / _EPS) * self.bound
        drawn = self.spread >= _DIFFERS * self.strength
        return self.finite & self.moves & (self.bound > 0) & absorbed & drawn

    @property
    def _says(self) -> np.ndarray:
        return self.finite & self.moves & (self.strength > _LEAST) & ~self.still

    @property
    def blunting(self) -> np.ndarray:
        """How much less is resolved here than by terms that lose nothing in the sum;
        infinite where the rate says nothing."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return np.where(self._says, self.terms / self.strength, np.inf)

    @property
    def relative(self) -> np.ndarray:
        """|rate| / terms; 0 where the rate says nothing."""
        says = self._says
        return np.where(says, abs(self.rate), 0) / np.where(says, self.terms, 1)

    @property
    def violated(self) -> np.ndarray:
        """Where the rate is more than round-off."""
        return self.relative > LIMIT * self.precision

    @property
    def doubtful(self) -> np.ndarray:
        """Where so small a violation, or draws that are all one number, want more."""
        slight = self.relative < _CLEAR * LIMIT * self.precision
        return self.violated & (slight | (self.spread == 0))

    @property
    def informative(self) -> np.ndarray:
        """Where the rate, or its absence, says something of the law."""
        return (self.blunting <= _BLUNT) | self.violated

    @property
    def noise(self) -> np.ndarray:
        """Where the rate is nothing but round-off of far larger terms."""
        return self._says & ~self.informative

    @property
    def wild(self) -> np.ndarray:
        """Where the derivative of h changes from one unit in the last place to the
        next, by more than the field does."""
        wild = self.noise & (self.spread > _WILD * self.strength)
        return wild & (self.frozen < _TAME * self.precision * self.strength)

    @property
    def outside(self) -> np.ndarray:
        """Where the field is well, but h is not a number, or wild: no law here."""
        return self.moves & (~self.finite | self.wild)


def resolution(rates: Sequence[Rate]) -> np.ndarray:
    """The least |ḣ| over its terms that was told from round-off at some of the places;
    0 where none said anything."""
    blunting = np.concatenate([r.blunting for r in rates])
    told = at_any([r.informative for r in rates])
    least = np.where(told, np.min(blunting, axis=0), 0)
    return LIMIT * rates[0].precision * least


def largest(rates: Sequence[Rate]) -> np.ndarray:
    """The largest relative rate of each component."""
    return np.max(np.concatenate([r.relative for r in rates]), axis=0)


def falling(rates: Rate) -> np.ndarray:
    """Where |ḣ| over its strength falls from each place to the next, or to round-off,
    as it does where it is the error of an integration that becomes finer; of three
    places at least, with violations at the first two."""
    violated = rates.violated
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(rates.rate) / rates.strength
        falls = (ratio[1:] < _FALLS * ratio[:-1]) | ~violated[1:]
    enough = np.all(violated[:2], axis=0) & (len(violated) > 2)
    return np.all(falls, axis=0) & enough


def at_any(flags: Sequence[np.ndarray]) -> np.ndarray:
    """Whether it is so at one of the places, which lead."""
    return np.any(np.concatenate(flags), axis=0)
