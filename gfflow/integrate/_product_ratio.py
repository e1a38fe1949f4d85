"""What a Hessian-vector product, or a forward pass, costs, in gradients."""

import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import PyTree

from ..problem import Problem
from ..solvers.collocation import PRODUCT_BLOCK

_REPEATS, _LOOPS = 7, 16
_known: dict[tuple, float] = {}
Pass = Callable[[PyTree], PyTree]


def product_ratio(problem: Problem) -> float:
    """The time of one product ∇²L·v over that of one gradient, measured here and now.

    Products are measured as the solvers take them, five at a time at one point: the
    median of seven batches over five times the median of seven gradients. The first
    call for problems of one structure, shape and dtype compiles and measures, about a
    second; later ones remember. Host only.
    """
    return _remembered("product", problem, lambda: _measure(problem))


def pass_ratio(problem: Problem, forward: Pass) -> float:
    """The time of one forward pass over that of one gradient, measured here and now,
    each of them sixteen times in a compiled loop. Host only.

    **Arguments:**

    - `forward`: a pass, a function of the parameters.
    """
    return _remembered("pass", problem, lambda: _looped(problem, forward))


def _remembered(what: str, problem: Problem, measure: Callable[[], float]) -> float:
    leaves, structure = jtu.tree_flatten(problem)
    shapes = tuple((x.shape, str(x.dtype)) for x in leaves if eqx.is_array(x))
    try:
        key = (what, hash(structure), shapes)
    except TypeError:
        key = (what, str(structure), shapes)
    if key not in _known:
        _known[key] = measure()
    return _known[key]


def _looped(problem: Problem, forward: Pass) -> float:
    """Each result moves the next point by nothing that the compiler knows of."""

    def repeated(function):
        @eqx.filter_jit
        def run(parameters, nothing):
            def step(_, point):
                total = sum(map(jnp.sum, jtu.tree_leaves(function(point))))
                return jtu.tree_map(lambda x: x + nothing * total, point)

            return jax.lax.fori_loop(0, _LOOPS, step, parameters)

        zero = jnp.zeros((), problem.dtype)
        return _median(lambda: run(problem.parameters, zero))

    return repeated(forward) / repeated(problem.gradient)


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
