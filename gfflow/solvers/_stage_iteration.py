"""The nonlinear equations of the stages: simplified Newton, accelerated."""

from collections.abc import Callable
from typing import NamedTuple

import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

_DIVERGED, _PATIENCE = 2.0, 3
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
    - `contraction`: the mean factor from one change to the next.
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

    @classmethod
    def first(cls, slopes: Float[Array, "s D"], contraction: Array) -> "Iterate":
        """Before the first iteration."""
        return cls(
            slopes=slopes,
            iterations=jnp.asarray(0, int),
            change=jnp.asarray(jnp.inf, slopes.dtype),
            contraction=contraction,
            residual=jnp.zeros_like(slopes),
            converged=jnp.asarray(False),
            failed=jnp.asarray(False),
        )


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
    θ/(1 − θ)·|ΔK| is under the tolerance (Hairer & Wanner, Solving ODEs II, (IV.8.10)),
    and gives up where θ does not lead there within the limit (ibid., (IV.8.11)).
    Accelerated, one change says little of the next: θ is the geometric mean of all
    ratios so far, or the last one where that is larger, 1/30 at least; in the first
    iteration it is that of the last step, 1/10 at least.

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
        mean = _geometric_mean(now.contraction, ratio, count)
        if to_round_off:
            small = (size < _ROUND_OFF) & (ratio > _STAGNATED) & (count > 1)
            done, enough = small | (size < 0.5), _ROUND_OFF
        else:
            first_rate = jnp.where(expected > 0, jnp.maximum(guess, _LEAST_GUESS), 1)
            later_rate = jnp.maximum(jnp.maximum(ratio, mean), _LEAST_RATE)
            rate = jnp.where(count > 1, later_rate, first_rate)
            rest_error = size * rate / jnp.maximum(1 - rate, 1e-3)
            done, enough = (rate < 1) & (rest_error < 1), 1.0
        left = (limit - count).astype(dtype)
        within_limit = size * jnp.minimum(mean, 1) ** left < enough
        hopeless = (mean > _DIVERGED) | (~within_limit & (count > _PATIENCE))
        failed = ~finite | ((count > 1) & hopeless & ~done)
        failed = failed | ((count >= limit) & ~done)
        now = Iterate(
            slopes=new,
            iterations=count,
            change=size,
            contraction=mean,
            residual=jnp.where(count <= 2, stopped(rest), now.residual),
            converged=done & finite,
            failed=failed,
        )
        return now, history

    going = lambda carry: ~(carry[0].converged | carry[0].failed)
    last, _ = eqxi.while_loop(
        going,
        step,
        (Iterate.first(slopes, guess), _History(empty, empty)),
        max_steps=limit,
        kind="checkpointed",
    )
    return last


def _geometric_mean(before, ratio, count):
    """Of all ratios so far, from that of all but the last; the guess at the start."""
    past = jnp.where(count > 2, before, 1)
    power = 1 / jnp.maximum(count - 1, 1).astype(ratio.dtype)
    return jnp.where(count > 1, past ** (1 - power) * ratio**power, before)


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
