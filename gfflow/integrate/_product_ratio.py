"""What a Hessian-vector product costs, in gradients."""

import time

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..problem import Problem
from ..solvers.collocation import PRODUCT_BLOCK

_REPEATS = 7
_known: dict[tuple, float] = {}


def product_ratio(problem: Problem) -> float:
    """The time of one product ∇²L·v over that of one gradient, measured here and now.

    Products are measured as the solvers take them, five at a time at one point: the
    median of seven batches over five times the median of seven gradients. The first
    call for problems of one structure, shape and dtype compiles and measures, about a
    second; later ones remember. Host only.
    """
    leaves, structure = jtu.tree_flatten(problem)
    shapes = tuple((x.shape, str(x.dtype)) for x in leaves if eqx.is_array(x))
    try:
        key = (hash(structure), shapes)
    except TypeError:
        key = (str(structure), shapes)
    if key not in _known:
        _known[key] = _measure(problem)
    return _known[key]


def _measure(problem: Problem) -> float:
    gradient = eqx.filter_jit(lambda p, x: p.gradient(x))

    @eqx.filter_jit
    def products(p, x, directions):
        return jax.vmap(jax.linearize(p.gradient, x)[1])(directions)

    count = min(PRODUCT_BLOCK, problem.size)
    state = problem.parameters
    directions = jtu.tree_map(
        lambda x: jnp.broadcast_to(jnp.ones_like(x)[None], (count, *x.shape)), state
    )
    one = _median(lambda: gradient(problem, state))
    return _median(lambda: products(problem, state, directions)) / (count * one)


def _median(call) -> float:
    jax.block_until_ready(call())
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - began)
    return float(np.median(times))
