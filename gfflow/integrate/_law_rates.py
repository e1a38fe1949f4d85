"""The rates of laws at the stages of the steps, and what adds up of them."""

from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from .._typing import BoolScalar, Scalar, State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ..solvers import Stages

# Bytes of the states of several stages that are looked at at once.
_AT_ONCE = 2**25


@final
class LawRate(NamedTuple):
    """What a solve has seen of the rate of one law up to a row, each component of it.

    With f the field, ḣ = ∂_t h + ∇h·f at the stages of the accepted steps, where the
    solver has evaluated f: it costs no gradient. The excess is ḣ less what the law
    states: ḣ + decay_rate·h, ḣ − production, or ḣ itself. Shapes are `(T, ...)` with T
    rows, all 0 in the first. h in units of the law, times in flow time.

    - `largest`: the largest |excess| at a stage so far.
    - `at`: the time of that stage.
    - `change`: ∫ḣ dt by the quadrature of the method, of its order. h(t) − h(t0) less
        this is what the integrator has added.
    - `absolute`: ∫|excess| dt by the same quadrature, in each step no less than
        |∫excess dt|; of lower order where the excess changes its sign.
    """

    largest: Float[Array, "..."]
    at: Float[Array, "..."]
    change: Float[Array, "..."]
    absolute: Float[Array, "..."]

    def with_step(self, step: "LawRate") -> "LawRate":
        """With one more step; what is not a number stays so."""
        better = ~((step.largest <= self.largest) | jnp.isnan(self.largest))
        return LawRate(
            largest=jnp.where(better, step.largest, self.largest),
            at=jnp.where(better, step.at, self.at),
            change=self.change + step.change,
            absolute=self.absolute + step.absolute,
        )


LawRates = dict[str, LawRate]


def no_rates(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> LawRates:
    """Before the first step."""
    values = eqx.filter_eval_shape(_values, flow, problem, laws, t, state)

    def none(value):
        zero = jnp.zeros(value.shape, value.dtype)
        return LawRate(zero, jnp.broadcast_to(t, value.shape), zero, zero)

    return {name: none(value) for name, value in values.items()}


def with_step(rates: LawRates, step: LawRates, keep: BoolScalar) -> LawRates:
    """The rates after a step, if it was kept."""
    after = {name: rate.with_step(step[name]) for name, rate in rates.items()}
    return jtu.tree_map(lambda new, old: jnp.where(keep, new, old), after, rates)


class LawMeasure(eqx.Module):
    """Measures the rates of laws at the stages of one step."""

    flow: AbstractFlow
    laws: dict[str, Law]

    def __call__(self, stages: Stages, problem: Problem) -> LawRates:
        one = lambda i: self._at(stages, problem, i)
        index = jnp.arange(stages.number)
        state = jax.eval_shape(stages.state, jax.ShapeDtypeStruct((), index.dtype))
        size = sum(x.size * x.dtype.itemsize for x in jtu.tree_leaves(state))
        if stages.number * size <= _AT_ONCE:
            found = jax.vmap(one)(index)
        else:
            found = jax.lax.map(one, index)
        return {
            name: _of_step(stages, *pair)
            for name, pair in jax.lax.stop_gradient(found).items()
        }

    def _at(self, stages: Stages, problem: Problem, i) -> dict[str, tuple]:
        """Law → ḣ, and what of it the law does not state."""
        t, state = stages.times[i], stages.state(i)
        values, rates = jax.jvp(
            lambda t, y: _values(self.flow, problem, self.laws, t, y),
            (t, state),
            (jnp.ones_like(t), stages.slope(i)),
        )
        view = self.flow.view(state, problem)

        def excess(law: Law, value, rate):
            if law.decay_rate is not None:
                return rate + jnp.asarray(law.decay_rate, value.dtype) * value
            if law.production is not None:
                return rate - law.produced(t, view)
            return rate

        return {
            name: (rates[name], excess(law, values[name], rates[name]))
            for name, law in self.laws.items()
        }


def _values(flow, problem, laws, t, state) -> dict[str, Any]:
    view = flow.view(state, problem)
    return {name: law(t, view) for name, law in laws.items()}


def _of_step(stages: Stages, rates: Array, excess: Array) -> LawRate:
    total = lambda x: jnp.tensordot(
        stages.weights.astype(x.dtype), x, axes=1, precision=jax.lax.Precision.HIGHEST
    )
    sizes = jnp.abs(excess)
    return LawRate(
        largest=jnp.max(sizes, axis=0),
        at=stages.times[jnp.argmax(sizes, axis=0)],
        change=total(rates),
        absolute=jnp.maximum(jnp.abs(total(excess)), total(sizes)),
    )
