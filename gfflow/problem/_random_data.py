"""Random inputs and targets of the shapes and kinds of given ones."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ._problem import Problem
from ._whole_numbers import whole_numbers


def random_inputs(
    random: np.random.Generator,
    problem: Problem,
    count: int,
    scale: float | np.ndarray = 1.0,
    absolute: bool = False,
) -> PyTree[Array]:
    """Real and complex numbers are Gaussian, of the size of the data; whole numbers,
    and truth values, are such as the model takes (`WholeNumbers`); keys are random.

    **Arguments:**

    - `scale`: of the Gaussian ones, one or one a sample.
    - `absolute`: whether that is not in units of the data.
    """
    draw = lambda x: _input(random, x, count, scale, absolute)
    return whole_inputs(random, problem, jtu.tree_map(draw, problem.present[0]))


def whole_inputs(
    random: np.random.Generator, problem: Problem, inputs: PyTree[Array]
) -> PyTree[Array]:
    """Random inputs with those put in that are whole numbers, and truth values."""
    leaves, structure = jtu.tree_flatten(inputs)
    drawn = whole_numbers(problem).put_in(random, leaves, targets=False)
    return jtu.tree_unflatten(structure, drawn)


def random_targets(
    random: np.random.Generator, problem: Problem, count: int
) -> PyTree[Array]:
    """Random targets of the kinds of the problem's, so that its loss can take them.

    Where those of the data add up to one along the last axis, and none is negative,
    they are probabilities; of integers, one is 1. Floating-point targets of two values
    are labels; of one, or of more, numbers. Whole numbers are such as the loss takes.
    """
    leaves, structure = jtu.tree_flatten(problem.present[1])
    drawn = [_target(random, y, count) for y in leaves]
    drawn = whole_numbers(problem).put_in(random, drawn, targets=True)
    made = [_classes(random, y, count) for y in leaves]
    drawn = [a if b is None else b for a, b in zip(drawn, made)]
    return jtu.tree_unflatten(structure, drawn)


def random_data(
    random: np.random.Generator,
    problem: Problem,
    count: int,
    scale: float = 1.0,
    absolute: bool = False,
) -> tuple[PyTree[Array], PyTree[Array], Array]:
    """Inputs and targets like those of a problem, and Gaussian weights of both signs:
    what `Problem.with_data` takes. The gradient on them is a random element of the span
    of those that any data set can give."""
    return (
        random_inputs(random, problem, count, scale, absolute),
        random_targets(random, problem, count),
        jnp.asarray(random.standard_normal(count), problem.dtype),
    )


def _input(random, x: Array, count: int, scale, absolute: bool) -> Array:
    shape = (count, *x.shape[1:])
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return _random_keys(random, x, shape)
    if not x.size or not jnp.issubdtype(x.dtype, jnp.inexact):
        return jnp.zeros(shape, x.dtype)
    size = float(np.sqrt(np.mean(np.square(np.abs(x))))) or 1.0
    size = 1.0 if absolute else size
    scale = np.asarray(scale).reshape(-1, *(1,) * (len(shape) - 1))
    return jnp.asarray(scale * size * _gaussian(random, x, shape), x.dtype)


def _target(random, y: Array, count: int) -> Array:
    shape = (count, *y.shape[1:])
    if jnp.issubdtype(y.dtype, jax.dtypes.prng_key):
        return _random_keys(random, y, shape)
    values = np.asarray(y)
    if not values.size or not jnp.issubdtype(y.dtype, jnp.inexact):
        return jnp.zeros(shape, y.dtype)
    spread = float(values.std()) or 1.0
    if jnp.issubdtype(y.dtype, jnp.complexfloating):
        drawn = values.mean() + spread * _gaussian(random, y, shape)
        return jnp.asarray(drawn, y.dtype)
    distinct = np.unique(values)
    if len(distinct) == 2:
        return jnp.asarray(random.choice(distinct, shape), y.dtype)
    drawn = float(values.mean()) + spread * random.standard_normal(shape)
    if np.all(values >= 0):
        drawn = np.abs(drawn)
    return jnp.asarray(drawn, y.dtype)


def _classes(random, y: Array, count: int) -> Array | None:
    """Probabilities, or the code of one class; `None` where the data are neither."""
    values = np.asarray(y) if jnp.issubdtype(y.dtype, jnp.number) else np.zeros(0)
    if values.ndim < 2 or values.shape[-1] < 2 or not values.size:
        return None
    if np.iscomplexobj(values) or np.any(values < 0):
        return None
    if not np.allclose(values.sum(axis=-1), 1):
        return None
    classes, shape = values.shape[-1], (count, *values.shape[1:-1])
    if jnp.issubdtype(y.dtype, jnp.integer):
        return jnp.asarray(np.eye(classes)[random.integers(0, classes, shape)], y.dtype)
    return jnp.asarray(random.dirichlet(np.ones(classes), shape), y.dtype)


def _gaussian(random: np.random.Generator, like: Array, shape) -> np.ndarray:
    """Of mean square 1."""
    drawn = random.standard_normal(shape)
    if jnp.issubdtype(like.dtype, jnp.complexfloating):
        return (drawn + 1j * random.standard_normal(shape)) / np.sqrt(2)
    return drawn


def _random_keys(random: np.random.Generator, like: Array, shape) -> Array:
    size = jax.random.key_data(like).shape[-1]
    bits = jnp.asarray(random.integers(0, 2**32, (*shape, size), np.uint32))
    return jax.random.wrap_key_data(bits, impl=jax.random.key_impl(like))
