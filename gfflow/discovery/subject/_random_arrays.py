"""Random arrays of the kinds that a problem has."""

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ...problem import Problem, random_inputs, random_targets, whole_inputs

# Sizes of inputs, in powers of ten of those of the data.
AROUND = (-2.5, 2.5)


def drawn_inputs(
    random: np.random.Generator,
    problem: Problem,
    count: int,
    together: int,
    decades: tuple[float, float] = AROUND,
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

    return random_inputs(random, problem, count, scales)


def drawn_whole_inputs(
    random: np.random.Generator, problem: Problem, count: int, bound: int
) -> PyTree[Array]:
    """Whole numbers up to the bound in the place of floats."""

    def one(x):
        if not jnp.issubdtype(x.dtype, jnp.inexact):
            return x
        return drawn_whole(random, x[0], count, bound)

    drawn = random_inputs(random, problem, count)
    return whole_inputs(random, problem, jtu.tree_map(one, drawn))


def drawn_targets(
    random: np.random.Generator, problem: Problem, count: int
) -> PyTree[Array]:
    """Targets of the kinds of the problem's."""
    return random_targets(random, problem, count)


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
