"""The nonlinear equations of the stages: simplified Newton, accelerated."""

from collections.abc import Callable
from typing import NamedTuple

import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

_DIVERGED = 2.0
_STAGNATED = 0.5
_ROUND_OFF = 1e4
_FIRST_GUESS = 0.5
_LEAST_RATE, _LEAST_GUESS = 1 / 30, 1 / 10

Residual = Callable[[Array], Array]
Correction = Callable[[Array], Array]
Measure = Callable[[Array], Array]


class Iterate(NamedTuple):
    """**Attributes:**

    - `slopes`: K, shape `(s, D)`.
    - `iterations`: evaluations of all stages so far.
    - `change`: the last change of the stages, in units of the tolerance.
    - `contraction`: θ, the factor from one change to the next.
    - `residual`: F(K) − K of the first or second iteration.
    - `converged`, `failed`.
    """

    slopes: Float[Array, "s D"]
    iterations: Array
    change: Float[Array, ""]
    contraction: Float[Array, ""]
    residual: Float[Array, "s D"]
    converged: Bool[Array, ""]
    failed: Bool[Array, ""]


class _History(NamedTuple):
    """Of the last m iterations: the corrections, and the slopes with them added."""

    corrections: Float[Array, "m s D"]
    images: Float[Array, "m s D"]


def iterate(
    slopes: Float[Array, "s D"],
    residual: Residual,
    correction: Correction,
    change: Measure,
    weights: Float[Array, " D"],
    *,
    expected: Float[Array, ""],
    memory: int,
    limit: int,
    to_round_off: bool,
) -> Iterate:
    """Solve F(K) = K by K ← K + P (F(K) − K), P the simplified Newton correction.

    Accelerated by Anderson's method (Walker & Ni 2011, Type II): of the last
    corrections g_j, the combination of least norm Σ α_j g_j, Σ α_j = 1, replaces the
    last one; the next iterate is Σ α_j (K_j + g_j). It stops where the predicted error
    θ/(1 − θ)·|ΔK| is under the tolerance (Hairer & Wanner, Solving ODEs II, (IV.8.10)).
    Accelerated, one change says little of the next: θ is taken as 1/30 at least, and as
    1/10 at least where it is that of the last step.

    **Arguments:**

    - `change`: the size of a change of slopes, in units of the tolerance.
    - `weights`: of the least-squares problem, per component of the state.
    - `expected`: θ of the last step, 0 where unknown.
    - `memory`: m; 0 is the plain iteration.
    - `limit`: the largest number of iterations.
    - `to_round_off`: go on until the changes stop shrinking; `change` is then in units
        of machine precision.

    Everything that steers the iteration is a constant to differentiation; the
    derivative converges with the iteration itself.
    """
    shape, dtype = slopes.shape, slopes.dtype
    stopped = jax.lax.stop_gradient
    expected = jnp.clip(stopped(expected), 0, 0.9).astype(dtype)
    guess = jnp.where(expected > 0, expected**0.8, _FIRST_GUESS)
    first = Iterate(
        slopes=slopes,
        iterations=jnp.asarray(0),
        change=jnp.asarray(jnp.inf, dtype),
        contraction=guess,
        residual=jnp.zeros(shape, dtype),
        converged=jnp.asarray(False),
        failed=jnp.asarray(False),
    )
    empty = jnp.zeros((memory, *shape), dtype)

    def step(carry):
        now, history = carry
        rest = residual(now.slopes)
        corrected = correction(rest)
        image = now.slopes + corrected
        if memory:
            new = _accelerated(corrected, image, history, weights, now.iterations)
            slot = now.iterations % memory
            history = _History(
                history.corrections.at[slot].set(stopped(corrected)),
                history.images.at[slot].set(image),
            )
        else:
            new = image
        size = stopped(change(new - now.slopes)).astype(dtype)
        count = now.iterations + 1
        ratio = jnp.where(count > 1, size / now.change, guess)
        finite = jnp.isfinite(size)
        if to_round_off:
            small = (size < _ROUND_OFF) & (ratio > _STAGNATED) & (count > 1)
            done = small | (size < 0.5)
            diverged = (ratio > _DIVERGED) & (size >= _ROUND_OFF)
        else:
            least = jnp.where(count > 1, _LEAST_RATE, _LEAST_GUESS)
            known = jnp.where(count > 1, ratio, jnp.where(expected > 0, guess, 1.0))
            known = jnp.maximum(known, least.astype(dtype))
            rest_error = size * known / jnp.maximum(1 - known, 1e-3)
            done = (known < 1) & (rest_error < 1)
            diverged = ratio > _DIVERGED
        failed = ~finite | ((count > 1) & diverged & ~done)
        failed = failed | ((count >= limit) & ~done)
        now = Iterate(
            slopes=new,
            iterations=count,
            change=size,
            contraction=ratio,
            residual=jnp.where(count <= 2, stopped(rest), now.residual),
            converged=done & finite,
            failed=failed,
        )
        return now, history

    going = lambda carry: ~(carry[0].converged | carry[0].failed)
    last, _ = eqxi.while_loop(
        going,
        step,
        (first, _History(empty, empty)),
        max_steps=limit,
        kind="checkpointed",
    )
    return last


def _accelerated(corrected, image, history: _History, weights, iterations):
    """Σ α_j (K_j + g_j), by the normal equations of the scaled differences."""
    memory = history.images.shape[0]
    differences = jax.lax.stop_gradient(corrected[None] - history.corrections)
    differences = differences * weights[None, None]
    last = jax.lax.stop_gradient(corrected) * weights[None]
    flat = differences.reshape(memory, -1)
    sizes = jnp.linalg.norm(flat, axis=1)
    used = (jnp.arange(memory) < iterations) & (sizes > 0) & jnp.isfinite(sizes)
    scale = jnp.where(used, sizes, 1)
    flat = jnp.where(used[:, None], flat / scale[:, None], 0)
    gram = flat @ flat.T
    ridge = 100 * jnp.finfo(gram.dtype).eps
    gram = gram + jnp.diag(jnp.where(used, ridge, 1).astype(gram.dtype))
    solution = jnp.linalg.solve(gram, flat @ last.reshape(-1))
    mix = jnp.where(used & jnp.isfinite(solution), solution / scale, 0)
    mix = mix.astype(image.dtype)
    return image - jnp.tensordot(mix, image[None] - history.images, axes=1)
