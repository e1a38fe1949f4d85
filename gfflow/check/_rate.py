"""The rate of a law along the field, against the terms that it is the sum of."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from .._problem import Problem
from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..laws import Law, absolute_terms


class Rate(NamedTuple):
    """One entry a component of the law, flattened.

    - `rate`: ḣ = ∂_t h + ∇h·f, plus decay_rate·h for a law that states its decay.
    - `terms`: the sum of the absolute values of the terms of ḣ, in units of law per
      flow time; round-off in ḣ is a small multiple of the machine precision times it.
    - `value`, `scale`: h and the law's scale.
    """

    rate: np.ndarray
    terms: np.ndarray
    value: np.ndarray
    scale: np.ndarray

    @property
    def relative(self) -> np.ndarray:
        """|rate| / terms; 0 where both vanish; NaN where either is not finite."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.abs(self.rate) / self.terms
        vanishing = (self.terms <= np.finfo(float).tiny) & np.isfinite(self.terms)
        return np.where(vanishing, np.where(self.rate == 0, 0.0, np.inf), ratio)

    @property
    def informative(self) -> np.ndarray:
        """Where h depends on the state and the state moves, so that ḣ says something."""
        return np.isfinite(self.relative) & (self.terms > np.finfo(float).tiny)


def rates_at(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> dict[str, Rate]:
    """The rate of every law at one state, by one Jacobian-vector product each.

    The terms of ∇L are counted sample by sample. The derivative of a loss is itself a
    difference (p − y for softmax): near a fit it is far smaller than its parts, and
    carries their round-off. The same sum with the targets permuted among the samples
    measures the parts, and is added.
    """
    results = _rates(flow, problem, _permuted(problem), laws, t, state)
    flat = lambda x: np.asarray(x, dtype=float).ravel()
    return {name: Rate(*map(flat, found)) for name, found in results.items()}


@eqx.filter_jit
def _rates(flow, problem, permuted, laws, t, state):
    field = flow.vector_field(t, state, problem)
    size = jtu.tree_map(
        jnp.add,
        flow.absolute_field(t, state, problem),
        flow.absolute_field(t, state, permuted),
    )
    view = lambda s: flow.view(s, problem)
    return {name: _rate(law, view, t, state, field, size) for name, law in laws.items()}


def _rate(law: Law, view, t, state, field, size) -> tuple[Array, Array, Array, Array]:
    evaluate = lambda time, s: law(time, view(s))
    still = jtu.tree_map(jnp.zeros_like, state)
    one, zero = jnp.ones_like(t), jnp.zeros_like(t)
    value, along = jax.jvp(evaluate, (t, state), (zero, field))
    _, explicit = jax.jvp(evaluate, (t, state), (one, still))
    terms, scale = absolute_terms(law, view, t, state, size)
    rate, terms = along + explicit, terms + jnp.abs(explicit)
    if law.decay_rate is not None:
        decay = jnp.asarray(law.decay_rate, value.dtype)
        rate, terms = rate + decay * value, terms + jnp.abs(decay) * scale
    return rate, terms, value, scale


def _permuted(problem: Problem) -> Problem:
    order = np.random.default_rng(0).permutation(problem.samples)
    return eqx.tree_at(
        lambda p: p.targets,
        problem,
        jtu.tree_map(lambda y: y[order], problem.targets),
    )
