"""Is the derivative of a law the derivative of its value? Jumps, stop_gradient."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._rate import Rate

_STEPS, _FINER = (1e-4, 1e-6), (1e-8, 1e-10, 1e-12)
_NODES = (16, 23, 32)
_HALVINGS = 20
_EPS = float(np.finfo(float).eps)


class Derivative(NamedTuple):
    """One entry a component of the law, flattened.

    - `wrong`: the derivative that JAX gives is not that of the value.
    - `moves`: the value, by differences, changes along the field to first order.
    """

    wrong: np.ndarray
    moves: np.ndarray


def along_the_run(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    ts: list[Scalar],
    states: list[State],
    rates: dict[str, list[Rate]],
) -> dict[str, Derivative]:
    """Differences along the field at each state, and lines between neighbours."""
    found = {name: [] for name in laws}
    for i, (t, state) in enumerate(zip(ts, states)):
        sizes = {name: (rates[name][i].terms, rates[name][i].scale) for name in laws}
        seen = _differences(flow, problem, laws, t, state, sizes)
        for name, parts in seen.items():
            found[name].append(Derivative(*(np.asarray(p) for p in parts)))
    lines = along_lines(flow, problem, laws, ts, states, rates)
    merge = lambda flags: np.any(np.stack(flags), axis=0)
    return {
        name: Derivative(
            merge([lines[name], *(h.wrong for h in seen)]),
            merge([h.moves for h in seen]),
        )
        for name, seen in found.items()
    }


def along_lines(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    ts: list[Scalar],
    states: list[State],
    rates: dict[str, list[Rate]],
) -> dict[str, np.ndarray]:
    """Whether h(b) − h(a) is the integral of ∇h on a line from a to b.

    By Gauss–Legendre quadrature with 16, 23 and 32 nodes between neighbouring states; a
    line on which h is not finite says nothing. A jump of 10⁻⁴ of what h varies on the
    line is seen.
    """
    wrong = {name: np.zeros(rates[name][0].scale.shape, bool) for name in laws}
    ends = list(zip(ts, states))
    for i, (a, b) in enumerate(zip(ends, ends[1:])):
        scales = {
            name: np.fmax(rates[name][i].scale, rates[name][i + 1].scale)
            for name in laws
        }

        def piece(u, v, a=a, b=b, scales=scales):
            return _line(flow, problem, laws, _point(a, b, u), _point(a, b, v), scales)

        for name, flags in piece(0.0, 1.0).items():
            flags = np.array(flags)
            for k in np.flatnonzero(flags):
                flags[k] = _persists(lambda u, v: bool(piece(u, v)[name][k]))
            wrong[name] = wrong[name] | flags
    return wrong


def _point(a, b, u: float):
    """Between two times and states."""
    return jtu.tree_map(lambda x, y: x + u * (y - x), a, b)


def _persists(differs: Callable[[float, float], bool]) -> bool:
    """Whether the difference on the whole line, 0 to 1, is more than a kink.

    Of the halves of a line with a kink one has it, and sooner or later the nodes lie so
    that it is seen to be no more than that. A jump stays to the last; a derivative that
    is wrong everywhere is so in both halves.
    """
    u, v = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (u + v) / 2
        left, right = differs(u, middle), differs(middle, v)
        if left == right:
            return left
        u, v = (u, middle) if left else (middle, v)
    return True


@eqx.filter_jit
def _differences(flow, problem, laws, t, state, sizes):
    field = flow.vector_field(t, state, problem)
    ratio = _norm(state) / _norm(field)
    ratio = jnp.where(jnp.isfinite(ratio), ratio, 0.0)
    view = lambda s: flow.view(s, problem)
    return {
        name: _difference(law, view, t, state, field, ratio, *sizes[name])
        for name, law in laws.items()
    }


def _difference(law, view, t, state, field, ratio, terms, scale):
    evaluate = lambda s: law(t, view(s)).ravel()
    value, slope = jax.jvp(evaluate, (state,), (field,))
    explicit = jax.jvp(lambda u: law(u, view(state)).ravel(), (t,), (jnp.ones_like(t),))
    explicit = explicit[1]
    if law.decay_rate is not None:
        explicit = explicit + jnp.asarray(law.decay_rate, value.dtype) * value
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


@eqx.filter_jit
def _line(flow, problem, laws, first, last, scales):
    (t, state), (t_end, state_end) = first, last
    way = jtu.tree_map(jnp.subtract, state_end, state)
    view = lambda s: flow.view(s, problem)
    points, weights = zip(*(np.polynomial.legendre.leggauss(n) for n in _NODES))
    nodes = jnp.asarray(np.concatenate([*points, [-1.0, 1.0]]) / 2 + 0.5, t.dtype)

    def evaluate(u):
        point = jtu.tree_map(lambda x, w: x + u * w, state, way)
        seen = view(point)
        time = t + u * (t_end - t)
        return {name: law(time, seen).ravel() for name, law in laws.items()}

    pairs = jax.lax.map(lambda u: jax.jvp(evaluate, (u,), (jnp.ones_like(u),)), nodes)

    def one(values, slopes, scale):
        weigh = lambda w, s: jnp.tensordot(jnp.asarray(w / 2, s.dtype), s, 1)
        parts = jnp.split(slopes, np.cumsum(_NODES))
        *rough, fine = (weigh(w, part) for w, part in zip(weights, parts))
        many = parts[-2]
        defect = jnp.abs(values[-1] - values[-2] - fine)
        apart = jnp.stack([jnp.abs(fine - each) for each in rough])
        unresolved = 20 * jnp.max(apart, axis=0)
        variation = weigh(weights[-1], jnp.abs(many))
        allowed = unresolved + 1e-4 * variation + 1e4 * _EPS * scale
        return jnp.isfinite(defect) & (defect > allowed)

    values, slopes = pairs
    return {n: one(values[n], slopes[n], jnp.asarray(scales[n])) for n in laws}


def _norm(tree) -> Array:
    return jnp.sqrt(sum(jnp.sum(x**2) for x in jtu.tree_leaves(tree)))
