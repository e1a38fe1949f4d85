"""The rates of laws at the stages of the steps, and what adds up of them."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
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


def no_rates(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> LawRate:
    """Before the first step, the components of all laws in one row."""
    values = eqx.filter_eval_shape(_values, flow, problem, laws, t, state)
    zero = jnp.zeros(sum(value.size for value in values.values()), t.dtype)
    return LawRate(zero, zero + t, zero, zero)


def with_step(rates: LawRate, step: LawRate, keep: BoolScalar) -> LawRate:
    """The rates after a step, if it was kept."""
    choose = lambda new, old: jnp.where(keep, new, old)
    return jtu.tree_map(choose, rates.with_step(step), rates)


def by_law(rates: LawRate, values: dict[str, Array]) -> dict[str, LawRate]:
    """The rates of each law in the shape of its value, from those of all in one row.

    **Arguments:**

    - `rates`: each `(..., n)`, n the components of all laws.
    - `values`: of each law, `(..., *shape)`.
    """
    names, leading = sorted(values), rates.largest.shape[:-1]
    sizes = [math.prod(values[name].shape[len(leading) :]) for name in names]
    ends = np.cumsum(sizes)[:-1].tolist()
    parts = zip(*(jnp.split(field, ends, axis=-1) for field in rates))
    return {
        name: LawRate(*(part.reshape(values[name].shape) for part in of_law))
        for name, of_law in zip(names, parts, strict=True)
    }


def in_one_row(rates: Mapping[str, LawRate], leading: int) -> LawRate:
    """The inverse of `by_law`; `leading` is the number of leading axes."""
    flat = lambda x: x.reshape(*x.shape[:leading], -1)
    parts = [jtu.tree_map(flat, rates[name]) for name in sorted(rates)]
    return jtu.tree_map(lambda *x: jnp.concatenate(x, axis=-1), *parts)


class LawMeasure(eqx.Module):
    """Measures the rates of laws at the stages of one step: as `no_rates`."""

    flow: AbstractFlow
    laws: dict[str, Law]

    def __call__(self, stages: Stages, problem: Problem) -> LawRate:
        at = lambda t, y, slope: self._at(problem, stages.unit, t, y, slope)
        times, weights = stages.times, stages.weights
        rates, excess = jax.lax.stop_gradient(stages.map(at, _AT_ONCE))
        total = lambda x: jnp.tensordot(
            weights, x, axes=1, precision=jax.lax.Precision.HIGHEST
        )
        sizes = jnp.abs(excess)
        return LawRate(
            largest=jnp.max(sizes, axis=0),
            at=times[jnp.argmax(sizes, axis=0)],
            change=total(rates),
            absolute=jnp.maximum(jnp.abs(total(excess)), total(sizes)),
        )

    def _at(self, problem: Problem, unit, t, state, slope) -> tuple[Array, Array]:
        """ḣ of all laws, and what of it they do not state."""
        values, changes = jax.jvp(
            lambda t, y: _values(self.flow, problem, self.laws, t, y),
            (t, state),
            (unit.astype(t.dtype), slope),
        )
        rates = _row(changes, t.dtype) / unit.astype(t.dtype)
        if not any(law.predicts for law in self.laws.values()):
            return rates, rates
        view = self.flow.view(state, problem)
        parts = {
            name: law.stated_rate(t, view, values[name])
            for name, law in self.laws.items()
        }
        return rates, rates - _row(parts, t.dtype)


def _row(values: dict[str, Array], dtype) -> Array:
    """In the order of the names: that of the dictionary is not the same in a jit."""
    parts = [jnp.ravel(values[name]).astype(dtype) for name in sorted(values)]
    return jnp.concatenate(parts)


def _values(flow, problem, laws, t, state) -> dict[str, Any]:
    view = flow.view(state, problem)
    return {name: law(t, view) for name, law in laws.items()}
