"""Whether laws that were read off a model are laws of it: their rates at random points.

The field of a problem on random data, with Gaussian weights of both signs, is a random
element of the fields that any data set can give (Marcotte, Gribonval & Peyré 2023,
Prop. 2.7). A law is kept where its rate along such fields is round-off.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool

from .._checks import is_traced
from .._precision import double_precision, in_double
from ..flows import AbstractFlow
from ..problem import Problem, random_data
from ._law import Law

# Scales of the parameters against those of the start, and of the inputs against those
# of the data; and how far arrays are scaled apart.
_PLACES = (
    (1.0, 1.0, 1.0),
    (1.0, 1.0, 3.0),
    (0.3, 1.0, 1.0),
    (3.0, 1.0, 3.0),
    (1.0, 30.0, 1.0),
    (0.03, 1.0, 3.0),
    (30.0, 1.0, 1.0),
    (100.0, 1e3, 10.0),
    (1e-6, 1.0, 3.0),
)
_FURTHER = (1.0, 1.0, 2.0)
# Samples, and copies of a state; and those of models of more parameters than this.
_SAMPLES, _SIGNS = 8, 4
_FEW_SAMPLES, _FEW_SIGNS, _LARGE = 2, 2, 10**5
# The most that a rate may be of the size of its terms; of ‖∇h‖‖f‖, of which terms that
# are absorbed in a sum are the round-off; and of the deviation of copies of the state
# that differ by some last places, which is round-off inside of the model.
_RELATIVE, _ABSORBED, _DRAWN, _NUDGE = 1e-11, 1e-15, 64.0, 2.0**-49
# A rate has terms if they are more than this part of ‖∇h‖‖f‖. Places at which it must
# have some, and further places where that is looked for: with units that are on at half
# of them an entry between two has none at all of these once in 10⁸ times.
_TERMS, _TRIED, _MORE = 1e-9, 2, 60


class _Tried(NamedTuple):
    """Which components hold, and at how many places their rates had terms."""

    holds: np.ndarray
    places: np.ndarray

    @property
    def open(self) -> bool:
        """Whether one that holds was tried at too few."""
        return bool(np.any(self.holds & (self.places < _TRIED)))


class _Place(NamedTuple):
    """A time and a state, data, and random signs like the state, several of them."""

    t: Any
    state: Any
    data: Any
    signs: Any


def holding(
    laws: Sequence[Law], problem: Problem, flow: AbstractFlow
) -> dict[str, Bool[np.ndarray, "..."]]:
    """Of each law by name, which of its components hold, in the shape of its value.

    A component holds if its rate is what the law states at all of nine places where it
    is a number: parameters from 1e-6 to 100 times those of the problem, arrays scaled
    against each other, inputs up to 1000 times those of the data; and, where its rate
    has no terms at nearly all of these, as where a unit is off, at up to sixty more.
    That is a test and no proof: what happens in no such place is not seen.

    The field is −s∘∇L, without weight decay, for flows of gradient type, whose laws are
    those of it; otherwise the flow's own.
    """
    if not laws or is_traced(problem, flow, list(laws)):
        return {law.name: np.asarray(True) for law in laws}
    named, random = {law.name: law for law in laws}, np.random.default_rng(0)
    with double_precision():
        flow, problem, named = in_double((flow, problem, named))
        state = flow.initial_state(problem)
        tried = {law.name: _Tried(np.asarray(True), np.asarray(0)) for law in laws}
        for scale in (*_PLACES, *[_FURTHER] * _MORE):
            if scale == _FURTHER:
                named = {name: law for name, law in named.items() if tried[name].open}
            if not named:
                break
            place = _place(random, problem, state, *scale)
            for name, found in _holds(flow, problem, named, place).items():
                holds, terms = map(np.asarray, found)
                before = tried[name]
                tried[name] = _Tried(before.holds & holds, before.places + terms)
    return {name: one.holds for name, one in tried.items()}


def _place(random, problem: Problem, state, scale, data_scale, apart) -> _Place:
    sizes = [np.asarray(x) for x in jtu.tree_leaves(state)]
    mean = np.sqrt(np.mean(np.concatenate([np.ravel(x) for x in sizes]) ** 2)) or 1.0

    def drawn(x):
        x = np.asarray(x)
        size = (np.sqrt(np.mean(x**2)) if x.size else 0) or mean
        size = scale * size * apart ** random.uniform(-1, 1)
        return jnp.asarray(size * random.standard_normal(x.shape), x.dtype)

    large = problem.size > _LARGE
    samples = _FEW_SAMPLES if large else _SAMPLES
    copies = _FEW_SIGNS if large else _SIGNS
    signs = lambda x: jnp.asarray(random.choice([-1.0, 1.0], (copies, *x.shape)))
    data = random_data(random, problem, samples, data_scale)
    t = jnp.asarray(random.uniform(0.5, 1.5))
    return _Place(t, jtu.tree_map(drawn, state), data, jtu.tree_map(signs, state))


@eqx.filter_jit
def _holds(flow, problem, laws, place: _Place) -> dict[str, tuple[Array, Array]]:
    """Which components hold here, and whether their rates have terms."""
    here, t = problem.with_data(*place.data), place.t
    in_span = flow.stays_in_span and not flow.has_memory
    values = lambda t, y: _values(laws, t, flow.view(y, here))

    def along(dt, state, way):
        return jax.jvp(values, (t, state), (dt, way))

    def field_at(state):
        if not in_span:
            return flow.vector_field(t, state, here)
        rates, gradient = flow.law_rates(here), here.gradient(state)
        return jtu.tree_map(lambda s, g: -s * g, rates, gradient)

    def of_copy(signs):
        nudge = lambda x, s: x * (1 + _NUDGE * s)
        state = flow.inside(jtu.tree_map(nudge, place.state, signs))
        field = field_at(state)
        value, change = along(jnp.ones_like(t), state, field)
        norm = jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(field)))
        still = jnp.zeros_like(t)
        terms = along(still, state, jtu.tree_map(jnp.multiply, signs, field))[1]
        bounds = along(still, state, jtu.tree_map(lambda s: s * norm, signs))[1]
        view, stated = flow.view(state, here), {}
        for name, law in laws.items():
            rate = law.stated_rate(t, view, value[name])
            stated[name] = jnp.zeros_like(rate) if in_span else rate
        return change, stated, terms, bounds

    def one_law(change, stated, terms, bounds):
        mean_square = lambda x: jnp.sqrt(jnp.mean(x**2, axis=0))
        excess = change - stated
        mean = jnp.mean(excess, axis=0)
        size = mean_square(terms) + mean_square(stated)
        bound, spread = mean_square(bounds), mean_square(excess - mean[None])
        most = jnp.maximum(_RELATIVE * size, _ABSORBED * bound)
        told = jnp.isfinite(mean) & jnp.isfinite(bound)
        holds = jnp.abs(mean) <= jnp.maximum(most, _DRAWN * spread)
        return ~told | holds, told & (size > _TERMS * bound)

    found = jax.lax.map(of_copy, place.signs)
    return {name: one_law(*(part[name] for part in found)) for name in laws}


def _values(laws: dict[str, Law], t, view) -> dict[str, Array]:
    return {name: law(t, view) for name, law in laws.items()}
