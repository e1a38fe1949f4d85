"""Gradients at random parameters on random data, and the currents that they make."""

import math
from collections import Counter
from itertools import groupby
from typing import NamedTuple, final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array

from ..._precision import double_precision, in_double
from ...problem import Problem, named_parameters, random_data
from ._axes import Axis, axes, lengths

_SAMPLES = 2
# Noise of parameters in units of themselves, and of the root mean square of an array.
_RELATIVE, _ABSOLUTE = 0.3, 0.3
# An entry whose gradient is at most this part of the largest one has none.
_DEAD = 1e-12
# Points that are kept whole, and numbers of all of them together.
_WHOLE, _MOST = 4, 2**27
# Products of two arrays of one shape are looked at up to so many entries of them.
_PRODUCTS = 2**18


class Current(NamedTuple):
    """Of one axis at P points: g·A summed over all but r indices, `(P, r)`, and the sum
    of the absolute values of its terms."""

    value: np.ndarray
    size: np.ndarray


@final
class Probes(NamedTuple):
    """P random points near the parameters of a problem.

    - `shapes`: of the parameters by path, but for arrays of no entries; a scalar is
        a vector of one.
    - `currents`: of each axis.
    - `points`: parameters and gradients by path, at the first few points.
    - `dead`: by path, where the gradient is 0, or round-off, at all points.
    - `in_any_order`: whether there are more points than indices of all axes.
    """

    shapes: dict[str, tuple[int, ...]]
    currents: dict[Axis, Current]
    points: list[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]
    dead: dict[str, np.ndarray]
    in_any_order: bool


def probes(problem: Problem, most_entries: int, seed: int = 0) -> Probes | None:
    """Draw them, by one compiled gradient.

    There are more points than axes to choose from; and than entries along all axes, if
    these are `most_entries` or fewer. `None` where no gradient is finite.
    """
    random = np.random.default_rng(seed)
    named = named_parameters(problem.parameters)
    shapes = {name: x.shape or (1,) for name, x in named.items() if x.size}
    products = _pair_entries(shapes) <= _PRODUCTS
    of_length = {r: axes(shapes, r, products) for r in lengths(shapes)}
    candidates = [axis for some in of_length.values() for axis in some]
    entries = sum(axis.length for axis in candidates if axis.whole)
    needed = [2 * len(some) / r for r, some in of_length.items()]
    ordered = entries > most_entries
    count = 16 + max(8, int(max(needed)), 0 if ordered else entries)
    rows: dict[Axis, list[tuple[np.ndarray, np.ndarray]]] = {a: [] for a in candidates}
    points, largest = [], {name: np.zeros(shape) for name, shape in shapes.items()}
    whole = max(1, min(_WHOLE, _MOST // max(problem.size, 1)))
    with double_precision():
        problem = in_double(problem)
        for _ in range(count):
            parameters = jtu.tree_map(lambda x: _near(random, x), problem.parameters)
            found = _gradient(
                problem, parameters, random_data(random, problem, _SAMPLES)
            )
            x, g = _on_host(parameters), _on_host(found)
            top = max(np.max(np.abs(part)) for part in g.values()) or 1.0
            if not np.isfinite(top):
                continue
            g = {name: part / top for name, part in g.items()}
            for name, part in g.items():
                np.maximum(largest[name], np.abs(part), out=largest[name])
            for pair, of_pair in groupby(candidates, lambda axis: axis[:2]):
                made = _products(*pair, x, g)
                for axis in of_pair:
                    value, size = (axis.rows(part).sum(axis=1) for part in made)
                    rows[axis].append((value, size))
            if len(points) < whole:
                points.append((x, g))
    if not points:
        return None
    currents = {a: Current(*map(np.stack, zip(*rows[a]))) for a in candidates}
    dead = {name: size <= _DEAD for name, size in largest.items()}
    return Probes(shapes, currents, points, dead, not ordered)


def _pair_entries(shapes: dict[str, tuple[int, ...]]) -> int:
    """Entries of all pairs of arrays of one shape."""
    alike = Counter(shapes.values())
    return sum(n * (n - 1) // 2 * math.prod(shape) for shape, n in alike.items())


def _products(a: str, b: str, x, g) -> tuple[np.ndarray, np.ndarray]:
    if a == b:
        product = g[a] * x[a]
        return product, np.abs(product)
    one, other = g[a] * x[b], g[b] * x[a]
    return one + other, np.abs(one) + np.abs(other)


@eqx.filter_jit
def _gradient(problem: Problem, parameters, data):
    return problem.with_data(*data).gradient(parameters)


def _on_host(tree) -> dict[str, np.ndarray]:
    named = named_parameters(tree)
    return {name: np.atleast_1d(np.asarray(x)) for name, x in named.items() if x.size}


def _near(random, like: Array) -> Array:
    x = np.asarray(like)
    size = np.sqrt(np.mean(x**2)) if x.size else 0.0
    factor = np.exp(_RELATIVE * random.standard_normal(x.shape))
    noise = _ABSOLUTE * (size or 1.0) * random.standard_normal(x.shape)
    return jnp.asarray(x * factor + noise)
