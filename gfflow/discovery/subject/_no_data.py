"""A problem for a model of which only the input shape is known."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ..._errors import DiscoveryError, GFFlowError, ProblemError
from ..._registry import lookup
from ...problem import Problem

_SAMPLES = 16


def problem_without_data(
    model: Any, input_shape: Any, loss: Callable | str = "mse"
) -> Problem:
    """A problem on random data, for a model of which only the input shape is known.

    **Arguments:**

    - `input_shape`: of one sample: a tuple of integers, or a
        `jax.ShapeDtypeStruct` (or a pytree of them) for inputs that are not floats.
    - `loss`: as for `Problem`.

    **Raises:** `DiscoveryError` if the model or the loss cannot be called so.
    """
    random = np.random.default_rng(0)
    x = jtu.tree_map(lambda spec: _inputs(random, spec), _specification(input_shape))
    try:
        z = jax.eval_shape(jax.vmap(model), x)
    except Exception as error:
        line = str(error).splitlines()[0] if str(error) else ""
        raise DiscoveryError(
            f"the model cannot be called on one input of {input_shape}: "
            f"{type(error).__name__}: {line}"
        ) from error
    tries = [_probabilities(random, z), _ones(z)]
    leaves = jtu.tree_leaves(z)
    if len(leaves) == 1 and leaves[0].ndim == 2:
        tries.append(jnp.arange(_SAMPLES) % leaves[0].shape[1])
    try:
        Problem(model, lambda z, y: jnp.zeros(()), (x, tries[0]))
        loss = lookup("losses", loss) if isinstance(loss, str) else loss
    except GFFlowError as error:
        raise DiscoveryError(str(error)) from error
    refused: ProblemError | None = None
    for y in tries:
        try:
            return Problem(model, loss, (x, y))
        except ProblemError as error:
            refused = error
    raise DiscoveryError(
        f"no targets are known that the loss takes: {refused}; give a Problem with "
        "data instead"
    ) from refused


def _specification(input_shape: Any) -> PyTree[jax.ShapeDtypeStruct]:
    if isinstance(input_shape, int):
        input_shape = (input_shape,)
    if isinstance(input_shape, tuple) and all(isinstance(n, int) for n in input_shape):
        if any(n < 0 for n in input_shape):
            raise DiscoveryError(f"no size of an input is negative; got {input_shape}")
        return jax.ShapeDtypeStruct(input_shape, jnp.result_type(float))
    for leaf in jtu.tree_leaves(input_shape):
        if not isinstance(leaf, jax.ShapeDtypeStruct | jax.Array | np.ndarray):
            raise DiscoveryError(
                "the input shape is a tuple of integers or a jax.ShapeDtypeStruct; "
                f"got {leaf!r}"
            )
    return input_shape


def _inputs(random: np.random.Generator, spec: Any) -> Array:
    shape = (_SAMPLES, *spec.shape)
    if jnp.issubdtype(spec.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), shape)
    if jnp.issubdtype(spec.dtype, jnp.complexfloating):
        parts = random.standard_normal((2, *shape))
        return jnp.asarray(parts[0] + 1j * parts[1], spec.dtype)
    if jnp.issubdtype(spec.dtype, jnp.floating):
        return jnp.asarray(random.standard_normal(shape), spec.dtype)
    return jnp.asarray(random.integers(0, 2, shape), spec.dtype)


def _probabilities(random: np.random.Generator, z: PyTree) -> PyTree[Array]:
    leaves, structure = jtu.tree_flatten(z)
    drawn = []
    for leaf in leaves:
        values = jax.nn.softmax(random.standard_normal(leaf.shape), axis=-1)
        many = leaf.ndim > 1 and leaf.shape[-1] > 1
        values = values if many else random.standard_normal(leaf.shape)
        drawn.append(jnp.asarray(values, leaf.dtype))
    return jtu.tree_unflatten(structure, drawn)


def _ones(z: PyTree) -> PyTree[Array]:
    return jtu.tree_map(lambda leaf: jnp.ones(leaf.shape, leaf.dtype), z)
