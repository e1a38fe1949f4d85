"""How many laws there are in a list, at a random state."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import gfflow as gf

_TIME = 0.7


class Count(NamedTuple):
    """- `components`: of all laws together; `independent`: the rank of their gradients.
    - `off`: the largest rate, in units of its terms.
    """

    components: int
    independent: int
    off: float


def conserved(laws) -> list[gf.Law]:
    """Without those that change as they state."""
    return [law for law in laws if law.production is None]


def count(laws, problem: gf.Problem, flow: Any, seed: int = 7) -> Count:
    """Of laws that are constants of this flow."""
    if not laws:
        return Count(0, 0, 0.0)
    random = np.random.default_rng(seed)
    draw = lambda x: jnp.asarray(random.standard_normal(x.shape))
    state = jax.tree_util.tree_map(draw, flow.initial_state(problem))
    flat, unravel = ravel_pytree(state)
    time = jnp.asarray(_TIME)

    def values(t, x):
        view = flow.view(unravel(x), problem)
        return jnp.concatenate([jnp.ravel(law(t, view)) for law in laws])

    slopes, rows = jax.jit(jax.jacfwd(values, argnums=(0, 1)))(time, flat)
    field = ravel_pytree(flow.vector_field(time, state, problem))[0]
    slopes, rows, field = map(np.asarray, (slopes, rows, field))
    terms = np.abs(slopes) + np.abs(rows) @ np.abs(field)
    # A constant of the flow has no terms but round-off.
    terms = np.maximum(terms, 1e-3 * np.linalg.norm(field))
    off = np.abs(slopes + rows @ field) / terms
    sizes = np.linalg.norm(rows, axis=1, keepdims=True)
    rank = np.linalg.matrix_rank(rows / sizes, 1e-8)
    return Count(len(rows), int(rank), float(np.max(off)))
