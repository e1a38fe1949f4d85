"""Is the derivative of a law the derivative of its value? By differences."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float

from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import components
from ._points import Points, at_each
from ._rate import Rate

_STEPS, _FINER = (1e-4, 1e-6), (1e-8, 1e-10, 1e-12)
_EPS = float(np.finfo(float).eps)


class Derivative(NamedTuple):
    """One entry a component of each law, flattened.

    - `wrong`: the derivative that JAX gives is not that of the value.
    - `moves`: the value, by differences, changes along the field to first order.
    """

    wrong: np.ndarray
    moves: np.ndarray

    def of(self, which: slice) -> "Derivative":
        """Of some of the components."""
        return Derivative(self.wrong[which], self.moves[which])


def differences(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    run: Points,
    rates: Rate,
    decays: Float[np.ndarray, " C"],
) -> Derivative:
    """Differences along the field at each place of a run, against the derivative."""
    program = lambda part: _differences(flow, problem, laws, jnp.asarray(decays), *part)
    wrong, moves = at_each(program, (run, rates.terms, rates.scale))
    return Derivative(np.any(wrong, axis=0), np.any(moves, axis=0))


@eqx.filter_jit
def _differences(flow, problem, laws, decays, places, terms, scales):
    one = lambda at: _differences_here(flow, problem, laws, decays, *at)
    return jax.lax.map(one, (places, terms, scales))


def _differences_here(flow, problem, laws, decays, place, terms, scale):
    t, state = place.ts, place.states
    field = flow.vector_field(t, state, problem)
    ratio = _norm(state) / _norm(field)
    ratio = jnp.where(jnp.isfinite(ratio), ratio, 0.0)
    values = components(flow, problem, laws)
    evaluate = lambda s: values(t, s)
    value, slope = jax.jvp(evaluate, (state,), (field,))
    explicit = jax.jvp(lambda u: values(u, state), (t,), (jnp.ones_like(t),))[1]
    explicit = explicit + decays * value
    round_off = 1e4 * _EPS * scale

    def difference(step):
        size = step * ratio
        ahead = evaluate(jtu.tree_map(lambda x, f: x + size * f, state, field))
        behind = evaluate(jtu.tree_map(lambda x, f: x - size * f, state, field))
        change = (ahead - behind) / 2
        most = jnp.abs(change) + size * terms
        off = jnp.abs(change - size * slope)
        return change, off > 1e-3 * most + round_off, most > 1e3 * round_off

    steps = jnp.asarray((*_STEPS, *_FINER), ratio.dtype)
    changes, differs, resolved = jax.lax.map(difference, steps)
    # A law of high frequency is resolved by the finer steps only.
    agrees = resolved[len(_STEPS) :] & ~differs[len(_STEPS) :]
    wrong = jnp.all(differs[: len(_STEPS)], axis=0) & ~jnp.any(agrees, axis=0)
    changes = [
        change + step * ratio * explicit
        for step, change in zip(_STEPS, changes[: len(_STEPS)])
    ]
    coarse, fine = changes
    expected = coarse * (_STEPS[1] / _STEPS[0])
    moves = (jnp.abs(coarse) > 1e7 * _EPS * scale) & (
        jnp.abs(fine - expected) < 0.1 * jnp.abs(expected)
    )
    return wrong, moves


def _norm(tree) -> Array:
    return jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(tree)))
