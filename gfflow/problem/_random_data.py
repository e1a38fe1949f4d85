"""Random inputs and targets of the shapes and kinds of given ones."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ._problem import Problem


def random_inputs(
    random: np.random.Generator,
    x: Array,
    count: int,
    scale: float = 1.0,
    absolute: bool = False,
) -> Array:
    """Gaussian, real or complex; whole numbers beyond the largest that was seen too,
    half of the time; random keys.

    An index beyond the end of an array is clamped by JAX, so it meets rows that the
    data do not.
    """
    shape = (count, *x.shape[1:])
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return _random_keys(random, x, shape)
    if not x.size:
        return jnp.zeros(shape, x.dtype)
    if x.dtype == bool:
        return jnp.asarray(random.integers(0, 2, shape), bool)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        least, most = int(np.min(x)), int(np.max(x))
        near = random.integers(least, most + 3, shape)
        far = random.integers(least, 2 * most + 10, shape)
        return jnp.asarray(np.where(random.random(shape) < 0.5, near, far), x.dtype)
    size = float(np.sqrt(np.mean(np.square(np.abs(x))))) or 1.0
    size = 1.0 if absolute else size
    return jnp.asarray(scale * size * _gaussian(random, x, shape), x.dtype)


def random_targets(random: np.random.Generator, y: Array, count: int) -> Array:
    """Random targets of the same kind, so that any loss can take them.

    Floating-point targets of two values are labels; of one, or of more, numbers.
    """
    shape = (count, *y.shape[1:])
    if jnp.issubdtype(y.dtype, jax.dtypes.prng_key):
        return _random_keys(random, y, shape)
    values = np.asarray(y)
    if not values.size:
        return jnp.zeros(shape, y.dtype)
    if jnp.issubdtype(y.dtype, jnp.complexfloating):
        spread = float(values.std()) or 1.0
        drawn = values.mean() + spread * _gaussian(random, y, shape)
        return jnp.asarray(drawn, y.dtype)
    distinct = np.unique(values)
    if not jnp.issubdtype(y.dtype, jnp.floating) or len(distinct) == 2:
        one_hot = values.ndim == 2 and values.shape[1] > 1
        if not (one_hot and np.allclose(values.sum(axis=1), 1)):
            return jnp.asarray(random.choice(distinct, shape), y.dtype)
    if values.ndim == 2 and np.all(values >= 0):
        if np.allclose(values.sum(axis=1), 1) and values.shape[1] > 1:
            drawn = random.dirichlet(np.ones(values.shape[1]), count)
            return jnp.asarray(drawn, y.dtype)
    centre, spread = float(values.mean()), float(values.std()) or 1.0
    drawn = centre + spread * random.standard_normal(shape)
    if np.all(values >= 0):
        drawn = np.abs(drawn)
    return jnp.asarray(drawn, y.dtype)


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
    inputs, targets = problem.present
    return (
        jtu.tree_map(
            lambda x: random_inputs(random, x, count, scale, absolute), inputs
        ),
        jtu.tree_map(lambda y: random_targets(random, y, count), targets),
        jnp.asarray(random.standard_normal(count), problem.dtype),
    )


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
