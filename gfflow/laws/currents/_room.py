"""How many laws the fields of a flow leave room for, at one point."""

from collections.abc import Sequence
from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..._precision import double_precision, in_double
from ...flows import AbstractFlow
from ...problem import Problem, parameter_paths, random_data
from .._rates import Rates
from ._independent import gradients
from ._matched import MatchedUnits
from ._probes import Probes, on_host
from ._rank import normal_space

_SPARE, _SCALES = 24, (0.3, 1.0, 3.0)
_PRECISION = float(np.finfo(float).eps)
_INSIDE = 1e-6


@final
class Room:
    """The directions at a random point near the parameters that no field −s∘θ^a∘∇L of
    random data has, nor a bracket of two.

    The gradient of each law is among them, so their number is an upper bound on that of
    independent laws near there (Marcotte, Gribonval & Peyré 2023, Thm 3.3).
    """

    def __init__(
        self, problem: Problem, flow: AbstractFlow, rates: Rates, found: Probes
    ):
        self._random = np.random.default_rng(1)
        self._x, self._parameters = found.points[0].x, found.parameters
        with double_precision():
            self._problem = in_double(problem)
            scale = flow.law_rates(self._problem)
            spread = lambda s, x: jnp.broadcast_to(jnp.asarray(s, x.dtype), x.shape)
            self._rates = jtu.tree_map(spread, scale, self._parameters)
        powers = [rates.power[path] or 0 for path in parameter_paths(self._parameters)]
        self._powers = jtu.tree_unflatten(jtu.tree_structure(self._rates), powers)
        self._scale, self._normal = self._sampled()

    def besides(self, families: Sequence[MatchedUnits], number: int) -> int:
        """How many independent laws there may be, where these are known, so many of
        them independent."""
        if number < len(self._normal):
            self._normal = self._with_brackets(families)
        return len(self._normal)

    def _sampled(self) -> tuple[np.ndarray, np.ndarray]:
        """Lengths in which fields have entries of like size, and orthonormal directions
        in these that no gradient on random data has."""
        size = sum(x.size for x in self._x.values())
        rows = []
        with double_precision():
            for n in range(size + _SPARE):
                data = self._data(_SCALES[n % len(_SCALES)])
                args = (
                    self._problem,
                    self._parameters,
                    (self._rates, self._powers),
                    data,
                )
                rows.append(_flat(_field(*args)))
        rows = _unit(np.stack(rows))
        lengths = np.sqrt(np.mean(rows**2, axis=0))
        noise = lengths <= _INSIDE**2
        rows[:, noise] = 0
        scale = np.where(noise, 1.0, lengths)
        return scale, normal_space(_unit(rows / scale), _PRECISION, None).normal

    def _with_brackets(self, families: Sequence[MatchedUnits]) -> np.ndarray:
        """The directions that no bracket has either; those of laws are not tried."""
        with double_precision():
            rates = _flat(_metric((self._rates, self._powers), self._parameters))
        found = [gradients(family, self._x) / rates for family in families]
        laws = np.concatenate([np.zeros((0, len(rates))), *found]) * self._scale
        inside = _unit(laws) @ self._normal.T
        known, other = _split(inside)
        left = other @ self._normal
        while len(left):
            made = np.stack([self._bracket() for _ in range(min(len(left), 64) + 4)])
            rest = normal_space(
                made / self._scale @ left.T, _PRECISION, len(made) ** 0.5
            )
            if rest.rank == 0:
                break
            left = rest.normal @ left
        return np.concatenate([known @ self._normal, left])

    def _bracket(self) -> np.ndarray:
        with double_precision():
            data = self._data(1.0), self._data(1.0)
            args = self._problem, self._parameters, (self._rates, self._powers)
            made, size = _bracket(*args, *data)
            return _flat(made) / float(size)

    def _data(self, scale: float):
        return random_data(self._random, self._problem, 2, scale)


def _split(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal rows that span these, and what is orthogonal to them."""
    if not len(inside):
        return inside, np.eye(inside.shape[1])
    _, values, right = np.linalg.svd(inside)
    rank = int(np.sum(values > _INSIDE))
    return right[:rank], right[rank:]


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
def _bracket(problem: Problem, parameters, rates, one, two):
    """[X, Y] = ∂Y·X − ∂X·Y, and the length of its terms."""
    x, y = (
        lambda at, data=data: _field(problem, at, rates, data) for data in (one, two)
    )
    gained = jax.jvp(y, (parameters,), (x(parameters),))[1]
    lost = jax.jvp(x, (parameters,), (y(parameters),))[1]
    square = lambda tree: sum(jnp.sum(a**2) for a in jtu.tree_leaves(tree))
    size = jnp.sqrt(square(gained)) + jnp.sqrt(square(lost))
    bracket = jtu.tree_map(jnp.subtract, gained, lost)
    return bracket, jnp.where(size > 0, size, 1)
