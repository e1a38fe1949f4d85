"""Random arrays of the kinds that a problem has."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ...problem import Problem, random_inputs, random_targets

_DECADES = (-2.5, 2.5)


def drawn_inputs(
    random: np.random.Generator,
    problem: Problem,
    count: int,
    together: int,
    decades: tuple[float, float] = _DECADES,
) -> PyTree[Array]:
    """Gaussians of sizes over five decades around that of the data, a quarter of that
    itself.

    **Arguments:**

    - `together`: the inputs are of like size in runs of so many.
    - `decades`: from which power of ten of that size to which.
    """
    runs = count // together
    scales = 10 ** random.uniform(*decades, runs)
    scales[: runs // 4] = 1.0
    random.shuffle(scales)
    scales = np.repeat(scales, together)

    def one(x):
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return _discrete(random, problem, x, count)
        drawn = random_inputs(random, x, count)
        return drawn * scales.astype(x.dtype).reshape(-1, *(1,) * (drawn.ndim - 1))

    return jtu.tree_map(one, problem.present[0])


def drawn_whole_inputs(
    random: np.random.Generator, problem: Problem, count: int, bound: int
) -> PyTree[Array]:
    """Whole numbers up to the bound in the place of floats."""

    def one(x):
        if jnp.issubdtype(x.dtype, jnp.inexact):
            return drawn_whole(random, x[0], count, bound)
        return _discrete(random, problem, x, count)

    return jtu.tree_map(one, problem.present[0])


def drawn_targets(
    random: np.random.Generator, problem: Problem, count: int
) -> PyTree[Array]:
    """Targets of the kinds of the problem's."""
    return jtu.tree_map(lambda y: random_targets(random, y, count), problem.present[1])


def drawn_like(random: np.random.Generator, leaf: Array, count: int) -> Array:
    """Gaussians of about the size of an array."""
    size = float(jnp.sqrt(jnp.mean(leaf**2))) or 1.0
    return jnp.asarray(size * random.standard_normal((count, *leaf.shape)), leaf.dtype)


def drawn_whole(
    random: np.random.Generator, leaf: Array, count: int, bound: int
) -> Array:
    """Whole numbers from −bound to bound, of the shape of an array; those of a complex
    one have whole parts."""
    draw = lambda: random.integers(-bound, bound + 1, (count, *leaf.shape))
    drawn = draw()
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        drawn = drawn + 1j * draw()
    return jnp.asarray(drawn, leaf.dtype)


def _discrete(
    random: np.random.Generator, problem: Problem, x: Array, count: int
) -> Array:
    """Truth values; keys; or indices up to the largest size of a parameter."""
    if x.dtype == bool or jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
        return random_inputs(random, x, count)
    most = max(max(p.shape, default=1) for p in jtu.tree_leaves(problem.parameters))
    least, top = int(jnp.min(x)), max(int(jnp.max(x)), most)
    shape = (count, *x.shape[1:])
    return jnp.asarray(random.integers(least, top + 1, shape), x.dtype)
