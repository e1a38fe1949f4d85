"""How many laws the fields of a flow leave room for, at one point."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree

from ..._precision import double_precision, in_double
from ...flows import AbstractFlow
from ...problem import Problem, parameter_paths, random_data
from .._rates import Rates
from ._brackets import bracket
from ._independent import Family
from ._points import on_host
from ._probes import Probes
from ._rank import normal_space

_SPARE, _SCALES = 500, (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
# Fields in a bracket, at most.
_MOST_FIELDS = 3
_PRECISION = float(np.finfo(float).eps)
_INSIDE = 1e-6
# What of a bracket may be round-off: a bound that is too large is one all the same.
_FAINT = 1e-9
# The least length of a row, in units of the longest of its kind.
_LEAST = 1e-3


def room_besides(
    problem: Problem,
    flow: AbstractFlow,
    rates: Rates,
    found: Probes,
    families: Sequence[Family],
    number: int,
) -> int:
    """How many independent laws there may be that hold near the parameters: the least
    of up to three random points there, of which some may lie where a unit is dead.

    **Arguments:**

    - `families`, `number`: laws that are known, so many of them independent.
    """
    least = problem.size
    for point, parameters in zip(found.points, found.parameters):
        room = _Room(problem, flow, rates, point.x, parameters)
        least = min(least, room.besides(families))
        if least <= number:
            break
    return least


@final
class _Room:
    """The directions at a point that no field −s∘θ^a∘∇L of random data has, nor a
    bracket of two or three.

    The gradient of each law is among them, so their number is an upper bound on that of
    independent laws near there (Marcotte, Gribonval & Peyré 2023, Thm 3.3).
    """

    def __init__(self, problem: Problem, flow: AbstractFlow, rates: Rates, x, at):
        self._random = np.random.default_rng(1)
        self._x, self._parameters = x, at
        with double_precision():
            self._problem = in_double(problem)
            scale = flow.law_rates(self._problem)
            spread = lambda s, x: jnp.broadcast_to(jnp.asarray(s, x.dtype), x.shape)
            scale = jtu.tree_map(spread, scale, at)
        powers = [rates.power[path] or 0 for path in parameter_paths(at)]
        self._rates = scale, jtu.tree_unflatten(jtu.tree_structure(scale), powers)

    def besides(self, families: Sequence[Family]) -> int:
        """How many there are, those of laws that are known among them."""
        scale, normal = self._sampled()
        with double_precision():
            rates = _flat(_metric(self._rates, self._parameters))
        found = [family.gradients(self._x) / rates for family in families]
        laws = np.concatenate([np.zeros((0, len(rates))), *found]) * scale
        known, other = _split(_unit(laws) @ normal.T)
        left, fields = other @ normal, 2
        while len(left) and fields <= _MOST_FIELDS:
            some = range(min(len(left), 64) + 4)
            made = _finite([self._bracket(fields) for _ in some])
            rest = normal_space(made / scale @ left.T, _PRECISION, len(made) ** 0.5)
            if rest.rank and rest.kept > _FAINT:
                left = rest.normal @ left
            else:
                fields += 1
        return len(known) + len(left)

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths in which fields have entries of like size, and orthonormal directions
        in these that no gradient on random data has.

        A gradient that is much shorter than others for inputs of this size is left out:
        where a softmax is saturated, 1 − p has few digits, or is 0.
        """
        size, rows = sum(x.size for x in self._x.values()), []
        with double_precision():
            for n in range(min(8 * size, size + _SPARE) + 8):
                data = self._data(_SCALES[n % len(_SCALES)])
                field = _field(self._problem, self._parameters, self._rates, data)
                rows.append(_flat(field))
        lengths = np.linalg.norm(np.nan_to_num(rows, posinf=0, neginf=0), axis=1)
        for n in range(len(_SCALES)):
            own = lengths[n :: len(_SCALES)]
            lengths[n :: len(_SCALES)] = own / max(np.max(own), 1e-300)
        kept = [row for row, of in zip(rows, lengths) if of >= _LEAST]
        rows = _unit(_finite(kept or [np.zeros(size)]))
        lengths = np.sqrt(np.mean(rows**2, axis=0))
        noise = lengths <= _INSIDE**2
        rows[:, noise] = 0
        scale = np.where(noise, 1.0, lengths)
        return scale, normal_space(_unit(rows / scale), _PRECISION, None).normal

    def _bracket(self, fields: int) -> np.ndarray:
        with double_precision():
            data = [self._data(1.0) for _ in range(fields)]
            args = self._problem, self._parameters, self._rates
            return _flat(_bracket(*args, data))

    def _data(self, scale: float):
        return random_data(self._random, self._problem, 1, scale)


def _split(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal rows that span these, and what is orthogonal to them."""
    if not inside.size:
        return inside[:0], np.eye(inside.shape[1])
    _, values, right = np.linalg.svd(inside)
    rank = int(np.sum(values > _INSIDE))
    return right[:rank], right[rank:]


def _finite(rows: list[np.ndarray]) -> np.ndarray:
    """Those of which all entries are; a row of 0 where none is."""
    kept = [row for row in rows if np.all(np.isfinite(row))]
    return np.stack(kept or [np.zeros_like(rows[0])])


def _unit(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def _flat(tree) -> np.ndarray:
    return np.concatenate([np.ravel(x) for x in on_host(tree).values()])


def _metric(rates, parameters):
    """s θ^a."""
    return jtu.tree_map(lambda s, a, x: s * x**a, *rates, parameters)


@eqx.filter_jit
def _field(problem: Problem, parameters, rates, data):
    gradient = problem.with_data(*data).gradient(parameters)
    return jtu.tree_map(jnp.multiply, _metric(rates, parameters), gradient)


@eqx.filter_jit
def _bracket(problem: Problem, parameters, rates, data):
    """[X_k, [… [X_2, X_1]]] over the length of its round-off."""
    flat, tree_of = ravel_pytree(parameters)

    def field(of):
        return lambda z: ravel_pytree(_field(problem, tree_of(z), rates, of))[0]

    return tree_of(bracket([field(of) for of in data], flat))
