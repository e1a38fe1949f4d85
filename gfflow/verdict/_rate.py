"""The rate of a law along the field, against the terms that it is the sum of."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from .._typing import Loss, Scalar, State
from ..flows import AbstractFlow
from ..integrate import taken
from ..laws import Law, absolute_terms
from ..problem import Problem

ROUND_OFF = 1e3
_VANISHING = 1e-290
_COPIES = 6
_NUDGE = 1e-11
_COHERENT = 0.1


class Rate(NamedTuple):
    """One entry a component of the law, flattened.

    - `rate`: ḣ = ∂_t h + ∇h·f, plus decay_rate·h for a law that states its decay.
    - `terms`: the sum of the absolute values of the terms of ḣ, in units of law per
      flow time; round-off in ḣ is a small multiple of the machine precision times it.
    - `value`, `scale`: h and the law's scale.
    - `noise`: where |rate|/terms is above round-off, but changes sign or size when the
      state is changed by 10⁻¹¹ of itself: the field is round-off there, and says
      nothing of the law.
    """

    rate: np.ndarray
    terms: np.ndarray
    value: np.ndarray
    scale: np.ndarray
    noise: np.ndarray

    @property
    def finite(self) -> np.ndarray:
        """Where the law, its rate and its terms are numbers."""
        return (
            np.isfinite(self.value) & np.isfinite(self.rate) & np.isfinite(self.terms)
        )

    @property
    def informative(self) -> np.ndarray:
        """Where h depends on the state and the state moves: ḣ says something."""
        return self.finite & (self.terms > _VANISHING) & ~self.noise

    @property
    def relative(self) -> np.ndarray:
        """|rate| / terms where that says something, 0 elsewhere."""
        says = self.informative
        return np.where(says, np.abs(self.rate), 0) / np.where(says, self.terms, 1)


def rates_at(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> dict[str, Rate]:
    """The rate of every law at one state, by one Jacobian-vector product each.

    The terms of ∇L are counted sample by sample. The derivative of a loss is itself a
    difference (p − y for softmax): near a fit it is far smaller than its parts, and
    carries their round-off. The same sum with the derivative at the prediction 0, and
    with the targets permuted among the samples, measures the parts, and is added.
    """
    others = (_permuted(problem), _at_rest(problem))
    results = _rates(flow, problem, others, laws, t, state)
    flat = lambda x: np.asarray(x, dtype=float).ravel()
    rates = {}
    for name, result in results.items():
        rate, terms, value, scale = map(flat, result)
        rates[name] = Rate(rate, terms, value, scale, np.zeros(rate.shape, bool))
    limit = ROUND_OFF * np.finfo(float).eps
    if any(np.any(rate.relative > limit) for rate in rates.values()):
        near = _nearby_rates(flow, problem, laws, t, _nearby(state))
        for name, copies in near.items():
            copies = np.asarray(copies, float).reshape(_COPIES, -1)
            noise = rates[name].relative > limit
            noise &= ~_coherent(rates[name].rate, copies)
            rates[name] = rates[name]._replace(noise=noise)
    return rates


def _nearby(state: State) -> State:
    """Copies of the state, stacked, each entry changed by about 10⁻¹¹ of itself."""
    random = np.random.default_rng(0)
    factor = lambda x: 1 + _NUDGE * random.standard_normal((_COPIES, *x.shape))
    return jtu.tree_map(
        lambda x: jnp.asarray(np.asarray(x) * factor(x), x.dtype), state
    )


def _coherent(rate: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Whether every copy has the sign of the rate and not a tenth of its size."""
    with np.errstate(invalid="ignore"):
        return np.all(near * np.sign(rate) > _COHERENT * np.abs(rate), axis=0)


@eqx.filter_jit
def _rates(flow, problem, others, laws, t, state):
    field = flow.vector_field(t, state, problem)
    size = flow.absolute_field(t, state, problem)
    for other in others:
        more = flow.absolute_field(t, state, other)
        usable = jtu.tree_map(lambda m: jnp.where(jnp.isfinite(m), m, 0.0), more)
        size = jtu.tree_map(jnp.add, size, usable)
    view = lambda s: flow.view(s, problem)
    result = {}
    for name, law in laws.items():
        value, rate, explicit = _rate(law, view, t, state, field)
        terms, scale = absolute_terms(law, view, t, state, size)
        terms = terms + jnp.abs(explicit)
        if law.decay_rate is not None:
            decay = jnp.asarray(law.decay_rate, value.dtype)
            terms = terms + jnp.abs(decay) * scale
        result[name] = rate, terms, value, scale
    return result


@eqx.filter_jit
def _nearby_rates(flow, problem, laws, t, copies):
    view = lambda s: flow.view(s, problem)

    def one(state):
        field = flow.vector_field(t, state, problem)
        return {n: _rate(law, view, t, state, field)[1] for n, law in laws.items()}

    return jax.lax.map(one, copies)


def _rate(law: Law, view, t, state, field) -> tuple[Array, Array, Array]:
    """h, ḣ with the stated decay undone, and ∂_t h."""
    value, along = jax.jvp(lambda s: law(t, view(s)), (state,), (field,))
    at = lambda time: law(time, view(state))
    explicit = jax.jvp(at, (t,), (jnp.ones_like(t),))[1]
    rate = along + explicit
    if law.decay_rate is not None:
        rate = rate + jnp.asarray(law.decay_rate, value.dtype) * value
    return value, rate, explicit


def _permuted(problem: Problem) -> Problem:
    order = np.random.default_rng(0).permutation(problem.samples)
    return eqx.tree_at(
        lambda p: p.targets,
        problem,
        taken(problem.present[1], order),
    )


class _AtRest(eqx.Module):
    """⟨∂ℓ/∂z at z = 0, z⟩: a loss whose derivative does not cancel near a fit.

    For a complex z, ∂ℓ/∂z stands for ∂ℓ/∂Re z − i ∂ℓ/∂Im z, and ⟨a, z⟩ for Re(az).
    """

    loss: Loss

    def __call__(self, prediction: Any, target: Any) -> Array:
        still = jtu.tree_map(jnp.zeros_like, prediction)
        slope = eqx.filter_grad(lambda z: self.loss(z, target))(still)
        dot = lambda a, b: jnp.real(jnp.sum(jax.lax.stop_gradient(a) * b))
        products = jtu.tree_map(
            dot, slope, eqx.filter(prediction, eqx.is_inexact_array)
        )
        return jnp.sum(jnp.stack(jtu.tree_leaves(products)))


def _at_rest(problem: Problem) -> Problem:
    return eqx.tree_at(lambda p: p.loss, problem, _AtRest(problem.loss))
