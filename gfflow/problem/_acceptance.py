"""What a model and a loss do on samples that are not in the data."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.experimental import checkify
from jaxtyping import Array, Bool, Float

from .._jaxpr import dtype_of, equations
from .._typing import Parameters
from ._problem import Problem
from ._program import gradient_on, program_of

# Arrays of c samples, on the host but for random keys.
Leaves = Sequence[Any]

# Samples a call, and random places at which they are compared.
_BATCH, _PLACES = 8, 4
# Numbers that are taken for the same, in units of the machine precision.
_SAME = 1e3


class Answers(NamedTuple):
    """Of each of c samples.

    - `inside`: whether every index lay in the array that it is one of.
    - `finite`: whether the prediction and the loss are.
    - `values`: the loss, and a weighted sum of the prediction.
    """

    inside: Bool[np.ndarray, " c"]
    finite: Bool[np.ndarray, " c"]
    values: Float[np.ndarray, "c 2"]


@final
class Acceptance:
    """A problem asked about samples, which are the arrays of its inputs and targets.

    JAX clamps an index beyond the end of an array in the value of a gather and drops it
    in the gradient, which is then not the gradient of the value: `checkify` tells.
    """

    def __init__(self, problem: Problem):
        # Another object, so that what is kept of a problem does not keep it.
        self._problem = problem.with_parameters(problem.parameters)
        self._respond = program_of(_responses, self._problem)
        self._gradient = program_of(gradient_on, self._problem)
        self._structure = jtu.tree_structure(problem.present)
        self._own = problem.parameters
        random = np.random.default_rng(0)
        near = lambda: jtu.tree_map(lambda x: _near(random, x), self._own)
        self._places = [near() for _ in range(_PLACES)]

    def ask(self, leaves: Leaves) -> Answers:
        """At the parameters of the problem."""
        return self._ask(self._own, leaves)

    def alike(self, one: Leaves, other: Leaves) -> Bool[np.ndarray, " c"]:
        """Whether prediction and loss are the same at random parameters."""
        eps, same = float(jnp.finfo(self._problem.dtype).eps), True
        for place in self._places:
            a, b = (self._ask(place, leaves).values for leaves in (one, other))
            size = np.maximum(np.abs(a), np.abs(b))
            same = same & np.all(np.abs(a - b) <= _SAME * eps * size, axis=1)
        return np.asarray(same)

    def reached(self, leaves: Leaves) -> Bool[np.ndarray, " parameters"]:
        """Which parameters have a gradient on these samples, at some random place."""
        found = False
        for rows in _batches(len(leaves[0])):
            samples = jtu.tree_unflatten(self._structure, [a[rows] for a in leaves])
            weights = np.random.default_rng(1).standard_normal(_BATCH)
            data = *samples, jnp.asarray(weights, self._problem.dtype)
            for place in self._places:
                gradient = self._gradient(place, data)
                parts = [np.ravel(x) != 0 for x in jtu.tree_leaves(gradient)]
                found = found | np.concatenate(parts)
        return np.asarray(found)

    @cached_property
    def casts(self) -> bool:
        """Whether a real number is made a whole one on the way."""
        sample = jtu.tree_map(lambda a: a[0], self._problem.present)
        program = eqx.filter_make_jaxpr(_values)(self._problem, *sample)[0]
        return any(
            _is(equation.invars[0], jnp.floating)
            and _is(equation.outvars[0], jnp.integer)
            for equation in equations(program)
            if equation.primitive.name == "convert_element_type"
        )

    def _ask(self, place: Parameters, leaves: Leaves) -> Answers:
        count, made = len(leaves[0]), []
        for rows in _batches(count):
            samples = jtu.tree_unflatten(self._structure, [a[rows] for a in leaves])
            made.append(jtu.tree_map(np.asarray, self._respond(place, samples)))
        inside, values = (np.concatenate(part)[:count] for part in zip(*made))
        return Answers(inside, np.all(np.isfinite(values), axis=1), values)


def _is(variable: Any, kind: Any) -> bool:
    dtype = dtype_of(variable)
    return dtype is not None and bool(jnp.issubdtype(dtype, kind))


def _batches(count: int) -> list[np.ndarray]:
    """Rows of equal numbers, the last ones again where there are too few."""
    rows = np.minimum(np.arange(-(-count // _BATCH) * _BATCH), count - 1)
    return list(rows.reshape(-1, _BATCH))


def _values(problem: Problem, x: Any, y: Any) -> Array:
    z = problem.model(x)
    leaves = [jnp.asarray(a) for a in jtu.tree_leaves(z)]
    parts = [jnp.ravel(p) for a in leaves for p in (jnp.real(a), jnp.imag(a))]
    flat = jnp.concatenate(parts).astype(problem.dtype)
    weights = jnp.cos(jnp.arange(flat.size, dtype=flat.dtype))
    loss = problem.loss(z, y)
    return jnp.stack([loss.astype(problem.dtype), jnp.sum(weights * flat)])


def _responses(problem: Problem, parameters: Parameters, samples):
    problem = problem.with_parameters(parameters)
    one = lambda x, y: _values(problem, x, y)
    checked = checkify.checkify(one, errors=checkify.index_checks)
    errors, values = jax.vmap(checked)(*samples)
    inside = jnp.ones(len(values), bool)
    for leaf in jtu.tree_leaves(errors):
        inside = inside & ~leaf if leaf.dtype == bool else inside
    return inside, values


def _near(random: np.random.Generator, like: Array) -> Array:
    x = np.asarray(like)
    size = float(np.sqrt(np.mean(x**2))) if x.size else 0.0
    return jnp.asarray(x + (size or 1.0) * random.standard_normal(x.shape), x.dtype)
