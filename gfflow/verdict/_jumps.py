"""Does the derivative of a law miss jumps of its value? By integrals along lines."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, Float

from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import components
from ._points import Points, at_each
from ._rate import Rate

_NODES = (16, 23, 32)
_HALVINGS = 20
_EPS = float(np.finfo(float).eps)


class _Lines(NamedTuple):
    """Pieces of lines, from a part of the way to another: arrays with L pieces leading.

    - `first`, `last`: times and states of the ends of the lines.
    - `scales`: of each component there.
    - `begin`, `end`: from 0 to 1, of the way.
    """

    first: Points
    last: Points
    scales: np.ndarray | Array
    begin: np.ndarray | Array
    end: np.ndarray | Array

    def pieces(self, which, begin, end) -> "_Lines":
        """Of some of the lines, other pieces."""
        first, last, scales = jtu.tree_map(lambda x: x[which], self[:3])
        return _Lines(first, last, scales, begin, end)


def jumps(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    rates: Rate,
) -> Bool[np.ndarray, " C"]:
    """Whether h(b) − h(a) is not the integral of ∇h on a line from a to b.

    By Gauss–Legendre quadrature with 16, 23 and 32 nodes between neighbouring places; a
    line on which h is not finite says nothing. A jump of 10⁻⁴ of what h varies on the
    line is seen.

    **Arguments:**

    - `places`, `rates`: where, and the rates there.

    **Returns:** one flag a component of each law.
    """
    lines = _between(places, rates.scale)
    if not len(lines.begin):
        return np.zeros(rates.scale.shape[1:], bool)
    program = lambda part: _differ(flow, problem, laws, part)
    flags = at_each(program, lines)

    def persist(suspects: np.ndarray) -> np.ndarray:
        which, component = np.nonzero(suspects)

        def differs(begin, end):
            lie = np.resize(which, len(begin))
            found = at_each(program, lines.pieces(lie, begin, end))
            return found[np.arange(len(lie)), np.resize(component, len(lie))]

        found = np.zeros_like(suspects)
        found[which, component] = persisting(len(which), differs)
        return np.any(found, axis=0)

    first = flags & (np.cumsum(flags, axis=0) == 1)
    found = persist(first)
    return found | persist(flags & ~first & ~found[None])


def _between(places: Points, scales: Float[np.ndarray, "P C"]) -> _Lines:
    """The whole lines between neighbours."""
    places = places._replace(data=None)
    count = len(places.ts) - 1
    before, after = places.at(slice(None, -1)), places.at(slice(1, None))
    scales = np.fmax(scales[:-1], scales[1:])
    return _Lines(before, after, scales, np.zeros(count), np.ones(count))


def persisting(
    count: int, differs: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> Bool[np.ndarray, " count"]:
    """Which of so many differences on a whole line, 0 to 1, are more than kinks.

    Of the halves of a line with a kink one has it, and sooner or later the nodes lie so
    that it is seen to be no more than that. A jump stays to the last; a derivative that
    is wrong everywhere is so in both halves.

    **Arguments:**

    - `differs`: whether each differs on a piece of its line, between two parts of the
        way; asked for two pieces of each, `(2 count,)`.
    """
    begin, end = np.zeros(count), np.ones(count)
    going, persists = np.ones(count, bool), np.ones(count, bool)
    for _ in range(_HALVINGS):
        if not np.any(going):
            break
        middle = (begin + end) / 2
        halves = [begin, middle], [middle, end]
        left, right = np.split(differs(*map(np.concatenate, halves)), 2)
        persists = np.where(going & (left == right), left, persists)
        going = going & (left != right)
        begin, end = np.where(left, begin, middle), np.where(left, middle, end)
    return persists


@eqx.filter_jit
def _differ(flow, problem, laws, lines):
    return jax.lax.map(lambda line: _differs(flow, problem, laws, line), lines)


def _differs(flow, problem, laws, line: _Lines) -> Array:
    on = lambda u: jtu.tree_map(
        lambda x, y: x + u * (y - x), line.first[:2], line.last[:2]
    )
    (t, state), (t_end, state_end) = on(line.begin), on(line.end)
    way = jtu.tree_map(jnp.subtract, state_end, state)
    h = components(flow, problem, laws)
    points, weights = zip(*(np.polynomial.legendre.leggauss(n) for n in _NODES))
    nodes = jnp.asarray(np.concatenate([*points, [-1.0, 1.0]]) / 2 + 0.5, t.dtype)

    def evaluate(u):
        point = jtu.tree_map(lambda x, w: x + u * w, state, way)
        return h(t + u * (t_end - t), point)

    values, slopes = jax.lax.map(
        lambda u: jax.jvp(evaluate, (u,), (jnp.ones_like(u),)), nodes
    )
    weigh = lambda w, s: jnp.tensordot(jnp.asarray(w / 2, s.dtype), s, 1)
    parts = jnp.split(slopes, np.cumsum(_NODES))
    *rough, fine = (weigh(w, part) for w, part in zip(weights, parts))
    many = parts[-2]
    defect = jnp.abs(values[-1] - values[-2] - fine)
    apart = jnp.stack([jnp.abs(fine - each) for each in rough])
    unresolved = 20 * jnp.max(apart, axis=0)
    variation = weigh(weights[-1], jnp.abs(many))
    allowed = unresolved + 1e-4 * variation + 1e4 * _EPS * line.scales
    return jnp.isfinite(defect) & (defect > allowed)
