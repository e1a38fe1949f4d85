"""Gradients at random parameters on random data, and the currents that they make."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ..._precision import double_precision, in_double
from ...problem import Problem, named_parameters, random_data
from ._candidates import candidates, lengths
from ._units import Units

_SAMPLES, _FEW_SAMPLES = 4, 2
# Noise of parameters in units of themselves, and of the root mean square of an array.
_RELATIVE, _ABSOLUTE = 0.3, 0.3
# An entry whose gradient is at most this part of the largest one has none.
_DEAD = 1e-12
# Points that are kept whole, and numbers of all of them together.
_WHOLE, _MOST = 64, 2**23
# Points for each unit to choose from; for unit by unit, at most.
_SPARE = 1.25
_ALONE = 96
# Points that are kept whole of the largest models; and parameters of a model of which
# few gradients are taken.
_FEW, _LARGE = 8, 10**5
# Points whose parameters are kept in their tree.
_FIRST = 3


class Current(NamedTuple):
    """Of some units at P points: what is added up over each, `(P, r)`, and the sum of
    the absolute values of its terms."""

    value: np.ndarray
    size: np.ndarray


class Point(NamedTuple):
    """Parameters and the gradient there by path."""

    x: dict[str, np.ndarray]
    g: dict[str, np.ndarray]


@final
class Probes(NamedTuple):
    """P random points near the parameters of a problem.

    - `shapes`: of the parameters by path, but for arrays of no entries; a scalar is
        a vector of one.
    - `candidates`: units along axes, by their number.
    - `currents`: of all of them.
    - `points`: the first few.
    - `dead`: by path, where the gradient is 0, or round-off, at all points.
    - `parameters`: those of the first points, in their tree.
    - `in_any_order`: whether there are more points than indices of all axes.
    """

    shapes: dict[str, tuple[int, ...]]
    candidates: dict[int, list[Units]]
    currents: dict[Units, Current]
    points: list[Point]
    dead: dict[str, np.ndarray]
    parameters: list[PyTree[Array]]
    in_any_order: bool

    def live(self, units: Units) -> np.ndarray:
        """Of which units some entry is not dead, bool[r]."""
        dead = self.dead[units.array] & self.dead[units.other]
        return ~np.all(units.rows(dead), axis=1)

    def at_points(self, units: Units) -> Current:
        """The current of any units, at the points that were kept."""
        made = [
            [units.rows(t).sum(axis=1) for t in units.terms(*p)] for p in self.points
        ]
        return Current(*map(np.stack, zip(*made)))


def probes(problem: Problem, most_entries: int, seed: int = 0) -> Probes | None:
    """Draw them, by one compiled gradient.

    There are more points than units to choose from; and than indices of all axes, if
    these are `most_entries` or fewer. `None` where no gradient is finite.
    """
    random = np.random.default_rng(seed)
    named = named_parameters(problem.parameters)
    shapes = {name: x.shape or (1,) for name, x in named.items() if x.size}
    of_length = candidates(shapes)
    every = [units for some in of_length.values() for units in some]
    groups: dict[Any, list[Units]] = {}
    for units in every:
        groups.setdefault(units.beside, []).append(units)
    entries = sum(u.length for u in every if u.whole and u.kind == "squares")
    sizes = lengths(shapes)
    alone = [len(some) for r, some in of_length.items() if r in sizes]
    needed = [_SPARE * len(some) / r for r, some in of_length.items() if r in sizes]
    ordered = entries > most_entries
    large = problem.size > _LARGE
    samples = _FEW_SAMPLES if large else _SAMPLES
    needed += [16 if large else 48, min(max(alone), 24 if large else _ALONE)]
    needed += [0 if ordered else entries]
    count = 16 + int(max(needed))
    rows: dict[Units, list[tuple[np.ndarray, np.ndarray]]] = {u: [] for u in every}
    firsts, points = [], []
    largest = {name: np.zeros(shape) for name, shape in shapes.items()}
    whole = min(_WHOLE, max(_FEW, _MOST // max(2 * problem.size, 1)))
    with double_precision():
        problem = in_double(problem)
        gradient = _compiled(problem)
        for _ in range(count):
            parameters = jtu.tree_map(lambda x: _near(random, x), problem.parameters)
            data = random_data(random, problem, samples)
            x = on_host(parameters)
            g = on_host(gradient(parameters, data))
            top = max(np.max(np.abs(part)) for part in g.values()) or 1.0
            if not np.isfinite(top):
                continue
            point = Point(x, {name: part / top for name, part in g.items()})
            for name, part in point.g.items():
                np.maximum(largest[name], np.abs(part), out=largest[name])
            for units in groups.values():
                for one, made in zip(units, _added_up(units, point), strict=True):
                    rows[one].append(made)
            if len(points) < whole:
                points.append(point)
                firsts += [parameters] if len(firsts) < _FIRST else []
    if not points:
        return None
    currents = {u: Current(*map(np.stack, zip(*rows[u]))) for u in every}
    dead = {name: size <= _DEAD for name, size in largest.items()}
    return Probes(shapes, of_length, currents, points, dead, firsts, not ordered)


def _added_up(
    units: list[Units], point: Point
) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Value and size of the current of each of some units of the same arrays; what is
    added up over the other axes is so once an axis."""
    made = units[0].terms(*point)
    along: dict[int, list[np.ndarray]] = {}
    for one in units:
        axis = one.in_one_axis
        if axis is None:
            value, size = (one.rows(part).sum(axis=1) for part in made)
        else:
            if axis not in along:
                others = tuple(k for k in range(len(one.shape)) if k != axis)
                along[axis] = [part.sum(axis=others) for part in made]
            factors = one.split[axis]
            value, size = (p.reshape(factors).sum(axis=(0, 2)) for p in along[axis])
        yield value, size


def _compiled(problem: Problem) -> Callable:
    """(parameters, data) → gradient. One program for problems alike, where what they
    are made of besides arrays can be hashed."""
    arrays, rest = eqx.partition(problem, eqx.is_array)
    try:
        hash(tuple(jtu.tree_leaves(rest)))
    except TypeError:
        whole = lambda *args: _gradient(eqx.combine(args[0], rest), *args[1:])
        return partial(jax.jit(whole), arrays)
    return partial(_GRADIENT, problem)


def _gradient(problem: Problem, parameters, data):
    return problem.with_data(*data).gradient(parameters)


_GRADIENT = eqx.filter_jit(_gradient)


def on_host(tree) -> dict[str, np.ndarray]:
    """Arrays by path, but for those of no entries; a scalar as a vector of one."""
    named = named_parameters(tree)
    return {name: np.atleast_1d(np.asarray(x)) for name, x in named.items() if x.size}


def _near(random, like: Array) -> Array:
    x = np.asarray(like)
    size = np.sqrt(np.mean(x**2)) if x.size else 0.0
    factor = np.exp(_RELATIVE * random.standard_normal(x.shape))
    noise = _ABSOLUTE * (size or 1.0) * random.standard_normal(x.shape)
    return jnp.asarray(x * factor + noise)
