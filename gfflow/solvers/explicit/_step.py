"""One step of an explicit Runge–Kutta method that is chosen at run time."""

import functools
from typing import NamedTuple

import diffrax
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._constants import EXPLICIT_STIFFNESS_NOISE
from ..protocol import Stages, runge_kutta_stages

SMOOTH, KINKED = 0, 1
_DEGREE = 8
_METHODS = (diffrax.Dopri8, diffrax.Bosh3)


class Tableaus(NamedTuple):
    """Dormand–Prince 8(7) and Bogacki–Shampine 3(2), side by side, padded to m stages.

    - `stages`, `orders`, `boundaries`: of each; the last is the largest x for which
        |R(−x)| ≤ 1, R the stability polynomial.
    - `nodes` `(2, m)`, `matrix` `(2, m, m)`, `weights` `(2, m)`, `error` `(2, m)`: the
        coefficients. The last stage is the new state (FSAL).
    - `dense` `(2, 9, m)`: stage slopes to the coefficients of (y(θ) − y₀)/h in the
        shifted Legendre polynomials.
    """

    stages: np.ndarray
    orders: np.ndarray
    boundaries: np.ndarray
    nodes: np.ndarray
    matrix: np.ndarray
    weights: np.ndarray
    error: np.ndarray
    dense: np.ndarray


class ExplicitStep(NamedTuple):
    """- `y1`, `error`: the new state and the error estimate, shape `(D,)`.
    - `slope`: f at the new state.
    - `stiffness`: h·|f(y₁) − f(Y)| / |y₁ − Y| with Y the last stage but one, over the
        method's stability boundary (Hairer & Wanner, Solving ODEs II, §IV.2).
    - `coefficients`: of the dense output, shape `(9, D)`.
    - `slopes`: of the stages, shape `(m, D)`, 0 beyond those of the method.
    - `gradients`: evaluations of f.
    """

    y1: Float[Array, " D"]
    error: Float[Array, " D"]
    slope: Float[Array, " D"]
    stiffness: Float[Array, ""]
    coefficients: Float[Array, "9 D"]
    slopes: Float[Array, "m D"]
    gradients: Array


@functools.cache
def tableaus(methods: tuple[type, ...] = _METHODS) -> Tableaus:
    """The coefficients of explicit Runge–Kutta methods, read off Diffrax."""
    most = max(method.tableau.num_stages for method in methods)
    count = len(methods)
    nodes, matrix = np.zeros((count, most)), np.zeros((count, most, most))
    error, dense = np.zeros((count, most)), np.zeros((count, _DEGREE + 1, most))
    weights = np.zeros((count, most))
    boundaries = np.zeros(count)
    for i, method in enumerate(methods):
        table = method.tableau
        stages = table.num_stages
        nodes[i, 1:stages] = table.c
        for row, entries in enumerate(table.a_lower, start=1):
            matrix[i, row, : len(entries)] = entries
        weights[i, :stages], error[i, :stages] = table.b_sol, table.b_error
        boundaries[i] = _boundary(matrix[i, :stages, :stages], np.asarray(table.b_sol))
        dense[i, :, :stages] = _dense(method, stages)
    return Tableaus(
        stages=np.array([method.tableau.num_stages for method in methods]),
        orders=np.array([method().order(None) for method in methods]),
        boundaries=boundaries,
        nodes=nodes,
        matrix=matrix,
        weights=weights,
        error=error,
        dense=dense,
    )


def explicit_step(
    field, t0, t1, h, y0, slope, known, method, methods: tuple[type, ...] = _METHODS
) -> ExplicitStep:
    """From t0 to t1 = t0 + |h| by the method of index `method`, an integer array.

    **Arguments:**

    - `field`: f(t, y) of flat states.
    - `slope`: f(t0, y0), if `known`.
    - `methods`: the Diffrax solvers that `method` is an index of.
    """
    table = tableaus(methods)
    dtype, size = y0.dtype, y0.size
    pick = lambda x: jnp.asarray(x, dtype)[method]
    matrix, nodes = pick(table.matrix), pick(table.nodes).astype(jnp.result_type(t0))
    stages = jnp.asarray(table.stages.tolist(), int)[method]
    most = table.nodes.shape[1]
    slopes = jnp.zeros((most, size), dtype).at[0].set(jnp.where(known, slope, 0))
    first = jnp.where(known, 1, 0)

    def step(carry):
        index, slopes, last, _ = carry
        state = y0 + h * (matrix[index] @ slopes)
        slopes = slopes.at[index].set(field(t0 + nodes[index] * (t1 - t0), state))
        return index + 1, slopes, state, last

    _, slopes, y1, before = eqxi.while_loop(
        lambda carry: carry[0] < stages,
        step,
        (first, slopes, y0, y0),
        max_steps=most,
        kind="checkpointed",
    )
    end, previous = slopes[stages - 1], slopes[stages - 2]
    moved = jnp.linalg.norm(y1 - before)
    quotient = jnp.abs(h) * jnp.linalg.norm(end - previous)
    noise = EXPLICIT_STIFFNESS_NOISE * jnp.finfo(dtype).eps * jnp.linalg.norm(y1)
    quotient = jnp.where(moved > noise, quotient / jnp.where(moved > 0, moved, 1), 0)
    return ExplicitStep(
        y1=y1,
        error=h * (pick(table.error) @ slopes),
        slope=end,
        stiffness=jax.lax.stop_gradient(quotient / pick(table.boundaries)),
        coefficients=pick(table.dense) @ slopes,
        slopes=slopes,
        gradients=stages - first,
    )


def explicit_stages(made: ExplicitStep, t0, t1, h, y0, method) -> Stages:
    """The stages of the step that `explicit_step` has made with these arguments."""
    table = tableaus()
    pick = lambda x: jnp.asarray(x, y0.dtype)[method]
    return runge_kutta_stages(
        t0,
        t1,
        y0,
        pick(table.nodes),
        h * pick(table.matrix),
        pick(table.weights),
        made.slopes,
        made.slopes,
        used=np.flatnonzero(np.any(table.weights != 0, axis=0)),
    )


def _boundary(matrix: np.ndarray, weights: np.ndarray) -> float:
    eye, ones = np.eye(len(weights)), np.ones(len(weights))
    for x in np.arange(0.5, 20, 0.01):
        value = 1 - x * weights @ np.linalg.solve(eye + x * matrix, ones)
        if abs(value) > 1:
            return float(x)
    return 20.0


def _dense(method, stages: int) -> np.ndarray:
    """Legendre coefficients of Diffrax's own interpolant, which is linear in the k."""
    points, weights = np.polynomial.legendre.leggauss(_DEGREE + 1)
    with jax.ensure_compile_time_eval(), jax.enable_x64(True):
        zeros = jnp.zeros(stages)
        last = jnp.asarray(method.tableau.b_sol, jnp.float64)
        interpolant = method.interpolation_cls(
            t0=jnp.zeros(()), t1=jnp.ones(()), y0=zeros, y1=last, k=jnp.eye(stages)
        )
        values = [
            np.asarray(interpolant.evaluate(jnp.asarray(x))) for x in (points + 1) / 2
        ]
    basis = np.polynomial.legendre.legvander(points, _DEGREE)
    norms = (2 * np.arange(_DEGREE + 1) + 1) / 2
    return norms[:, None] * (basis.T @ (weights[:, None] * np.stack(values)))
