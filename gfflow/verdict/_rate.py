"""The rate of a law along the field, and how small a rate is told from round-off."""

from collections.abc import Callable
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from .._typing import Loss, Scalar, State
from ..flows import AbstractFlow
from ..laws import Law, law_scale
from ..problem import Problem

# The least |ḣ| over its terms that is a violation, in units of the machine precision.
# Eight draws of round-off have a mean of LIMIT/_SPREAD = 16 standard deviations once in
# 10⁹ times (Student's t of 7 degrees of freedom at 16√8).
LIMIT = 64.0
# Draws of a state, and sets of them where a rate stands out by less than a factor from
# LIMIT; a nudge, in last places.
_DRAWS, _MORE, _CLEAR, _NUDGE = 8, 3, 1e3, 16.0
# Terms per standard deviation of the draws, and what ‖∇h‖‖f‖ is divided by to stand for
# absorbed terms, in the same units. Saturated attention loses 10⁻¹⁹ to 10⁻¹⁶ of the
# latter; of both the truth corpus needs no more than a quarter.
_SPREAD, _ABSORBED = 4.0, 16.0
# Where the terms are this many times what shows in ḣ, its absence says nothing.
_BLUNT = 1e3
# Below, underflow is more than 10⁻¹⁰ of a value.
_LEAST = 1e10 * float(np.finfo(float).tiny)
_EPS = float(np.finfo(float).eps)
# A part of ‖∇h‖‖f‖ that is round-off of the rest.
_STILL = 1e-13
# The golden angle: phases that repeat nowhere.
_GOLDEN = 2.399963
# A change of the rate, of its terms, from a nudge of the state that no law makes (a
# frequency of 10¹²); and one, in units of the precision, that is the field's own.
_WILD, _TAME = 1e-3, 1e4


@final
class Rate(NamedTuple):
    """The rate of one law at one state; one entry a component of the law, flattened.

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
    - `value`, `scale`: h and the law's scale.
    - `bound`: ‖∇h‖‖f‖, the most that ∇h·f could be.
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
    moves: bool
    precision: float

    @property
    def terms(self) -> np.ndarray:
        """What ḣ is weighed against: its terms, no less than those of which the spread
        is the round-off, and no less than a part of ‖∇h‖‖f‖: what is absorbed in a sum
        (the 1 − p of a saturated softmax) is lost in the same way each time."""
        measured = self.spread / (_SPREAD * self.precision)
        return np.fmax(np.fmax(self.strength, measured), self.bound / _ABSORBED)

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
        rest."""
        absorbed = self.strength <= _STILL * (self.precision / _EPS) * self.bound
        return self.finite & self.moves & (self.bound > 0) & absorbed

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
        size = np.where(self._says, np.abs(self.rate), 0)
        return size / np.where(self._says, self.terms, 1)

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
    def outside(self) -> np.ndarray:
        """Where the field is well, but h is not a number, or its derivative changes
        from one unit in the last place to the next: h is no law here."""
        wild = self.noise & (self.spread > _WILD * self.strength)
        wild &= self.frozen < _TAME * self.precision * self.strength
        return np.full(self.rate.shape, self.moves) & (~self.finite | wild)


def rates_at(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    t: Scalar,
    state: State,
    precision: float,
) -> dict[str, Rate]:
    """The rate of every law at one state, by a few Jacobian-vector products each.

    A rate that stands out a little from the spread is drawn three times as often.

    **Arguments:**

    - `precision`: the coarsest machine precision inside of the field and the laws.
    """
    draw = lambda i: _draws(
        flow, problem, laws, t, state, *_nudges(state, precision, i)
    )
    drawn = [draw(0)]
    found = _summed(laws, drawn, precision)
    if any(np.any(rate.doubtful) for rate in found.values()):
        drawn += [draw(i) for i in range(1, _MORE)]
        found = _summed(laws, drawn, precision)
    return found


def _summed(laws: dict[str, Law], drawn: list[Any], precision: float):
    """Law name → `Rate`, from sets of draws of each."""
    flat = lambda x: np.asarray(x, float).reshape(len(x), -1)
    moves = all(bool(each) for *_, each in drawn)
    found = {}
    for name, law in laws.items():
        value, scale = (np.asarray(x, float).ravel() for x in drawn[0][0][name])
        parts = (jtu.tree_map(flat, each[name]) for _, each, _ in drawn)
        rates, probes, bounds, frozen, explicit = map(np.concatenate, zip(*parts))
        decay = 0.0 if law.decay_rate is None else abs(float(law.decay_rate))
        with np.errstate(invalid="ignore", over="ignore"):
            found[name] = Rate(
                rates.mean(axis=0),
                _root_mean_square(probes) + np.abs(explicit[0]) + decay * scale,
                _deviation(rates),
                value,
                scale,
                _root_mean_square(bounds),
                _deviation(frozen),
                moves,
                precision,
            )
    return found


def _root_mean_square(x: np.ndarray) -> np.ndarray:
    """The root mean square over the first axis, of numbers whose squares underflow."""
    most = np.max(np.abs(x), axis=0)
    unit = np.where(most > 0, most, 1.0)
    return unit * np.sqrt(np.mean((x / unit) ** 2, axis=0))


def _deviation(x: np.ndarray) -> np.ndarray:
    """The standard deviation over the first axis, in the same way."""
    return _root_mean_square(x - x.mean(axis=0)) * (len(x) / (len(x) - 1)) ** 0.5


def _nudges(state: State, precision: float, seed: int) -> tuple[State, State, Array]:
    """Draws of a state, random signs of the same shapes, and what draws
    the loss, stacked."""
    random = np.random.default_rng(seed)

    def copies(x):
        noise = random.standard_normal((_DRAWS, *np.shape(x)))
        noise[0] = 0
        return jnp.asarray(np.asarray(x) * (1 + _NUDGE * precision * noise), x.dtype)

    def signs(x):
        drawn = random.integers(0, 2, (_DRAWS, *np.shape(x)))
        return jnp.asarray(2.0 * drawn - 1.0, x.dtype)

    phases = random.uniform(0, 2 * np.pi, _DRAWS)
    sizes = precision * (np.arange(_DRAWS) > 0)
    noise = jnp.asarray(np.stack([phases, sizes], axis=1))
    return jtu.tree_map(copies, state), jtu.tree_map(signs, state), noise


class _Rounded(eqx.Module):
    """ℓ(z, y) + ε⟨ξ ∂ℓ/∂z at z = 0, z⟩ with ξ of the size of 1.

    ∂ℓ/∂z is itself a difference (p − y for softmax): near a fit it is far smaller than
    its parts, and has their round-off, the same in every draw of the parameters. So it
    is drawn here. For a complex z, ∂ℓ/∂z stands for ∂ℓ/∂Re z − i ∂ℓ/∂Im z.
    """

    loss: Loss
    noise: Float[Array, " 2"]

    def __call__(self, prediction: Any, target: Any) -> Array:
        phase, precision = self.noise
        z = eqx.filter(prediction, eqx.is_inexact_array)
        slope = eqx.filter_grad(lambda z: self.loss(z, target))(
            jtu.tree_map(jnp.zeros_like, prediction)
        )

        def part(a, b):
            phases = phase + _GOLDEN * jnp.arange(b.size, dtype=phase.dtype)
            drawn = jnp.cos(phases).reshape(b.shape).astype(a.dtype) * a
            usable = jax.lax.stop_gradient(jnp.where(jnp.isfinite(drawn), drawn, 0))
            return jnp.real(jnp.sum(usable * b))

        parts = jtu.tree_leaves(jtu.tree_map(part, slope, z))
        value = self.loss(prediction, target)
        total = sum(part.astype(value.dtype) for part in parts)
        return value + precision.astype(value.dtype) * total


def _rounded(problem: Problem, noise: Float[Array, " 2"]) -> Problem:
    return eqx.tree_at(lambda p: p.loss, problem, _Rounded(problem.loss, noise))


@eqx.filter_jit
def _draws(flow, problem, laws, t, still, copies, signs, noises):
    view = lambda s: flow.view(s, problem)

    def one(drawn):
        state, sign, noise = drawn
        field = flow.vector_field(t, state, _rounded(problem, noise))
        leaves = jtu.tree_leaves(field)
        whole = jnp.stack([jnp.all(jnp.isfinite(x)) for x in leaves])
        any_moves = jnp.stack([jnp.any(x != 0) for x in leaves])
        found = {
            name: _drawn(law, view, t, state, still, field, sign)
            for name, law in laws.items()
        }
        return found, jnp.all(whole), jnp.any(any_moves)

    found, whole, moves = jax.lax.map(one, (copies, signs, noises))
    sizes = {
        name: (law(t, view(still)), law_scale(law, view, t, still))
        for name, law in laws.items()
    }
    return sizes, found, jnp.all(whole) & moves[0]


def _drawn(law: Law, view: Callable[[State], Any], t, state, still, field, sign):
    """ḣ; random signs along f; a bound; ∇h of the state itself along f; ∂_t h."""
    value, along = jax.linearize(lambda s: law(t, view(s)), state)
    at = lambda time: law(time, view(state))
    explicit = jax.jvp(at, (t,), (jnp.ones_like(t),))[1]
    rate = along(field) + explicit
    if law.decay_rate is not None:
        rate = rate + jnp.asarray(law.decay_rate, value.dtype) * value
    norm = jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(field)))
    probe = along(jtu.tree_map(jnp.multiply, sign, field))
    bound = along(jtu.tree_map(lambda s: s * norm.astype(s.dtype), sign))
    frozen = jax.jvp(lambda s: law(t, view(s)), (still,), (field,))[1]
    return rate, probe, bound, frozen, explicit


def resolution(rates: list[Rate]) -> np.ndarray:
    """The least |ḣ| over its terms that was told from round-off at some of the states;
    0 where none said anything."""
    least = np.min(np.stack([r.blunting for r in rates]), axis=0)
    told = at_any([r.informative for r in rates])
    return np.where(told, LIMIT * rates[0].precision * np.where(told, least, 0), 0.0)


def largest(rates: list[Rate], count: int) -> np.ndarray:
    """The largest relative rate of each of so many components."""
    if not rates:
        return np.zeros(count)
    return np.max(np.stack([r.relative for r in rates]), axis=0)


def at_any(flags: list[np.ndarray]) -> np.ndarray:
    """Whether it is so at one of the states."""
    return np.any(np.stack(flags), axis=0)
