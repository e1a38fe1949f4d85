"""The nonlinear equations of the stages: simplified Newton, accelerated."""

from collections.abc import Callable
from typing import NamedTuple

import equinox.internal as eqxi
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..._linalg import solve
from .._constants import (
    ANDERSON_LEAST_CHANGE,
    ANDERSON_RIDGE,
    DIVERGED_CONTRACTION,
    EXPECTED_CONTRACTION_POWER,
    FIRST_CONTRACTION,
    HOPELESS_AFTER_ITERATIONS,
    LEAST_CONTRACTION,
    LEAST_EXPECTED_CONTRACTION,
    ROUND_OFF_CHANGE,
    STAGNATED_CONTRACTION,
)

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
    - `seen`: where F was evaluated last and what it was there, `(K, F(K))`; `None`
        unless it is asked for. The slopes are one correction further on, and F there is
        not known: they are F(K) to the tolerance only, this to round-off.
    """

    slopes: Float[Array, "s D"]
    iterations: Array
    change: Float[Array, ""]
    contraction: Float[Array, ""]
    residual: Float[Array, "s D"]
    converged: Bool[Array, ""]
    failed: Bool[Array, ""]
    seen: tuple[Float[Array, "s D"], Float[Array, "s D"]] | None = None

    @classmethod
    def first(
        cls, slopes: Float[Array, "s D"], contraction: Array, sees: bool = False
    ) -> "Iterate":
        """Before the first iteration; `sees`: whether it keeps what it has `seen`."""
        return cls(
            slopes=slopes,
            iterations=jnp.asarray(0, int),
            change=jnp.asarray(jnp.inf, slopes.dtype),
            contraction=contraction,
            residual=jnp.zeros_like(slopes),
            converged=jnp.asarray(False),
            failed=jnp.asarray(False),
            seen=(slopes, slopes) if sees else None,
        )


class _History(NamedTuple):
    """Of the last m iterations: the corrections times the weights, their Gram matrix,
    and the slopes with the corrections added, less the first guess."""

    corrections: Float[Array, "m s D"]
    gram: Float[Array, "m m"]
    images: Float[Array, "m s D"]

    @classmethod
    def none(cls, memory: int, slopes: Float[Array, "s D"]) -> "_History":
        empty = jnp.zeros((memory, *slopes.shape), slopes.dtype)
        return cls(empty, jnp.zeros((memory, memory), slopes.dtype), empty)


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
    sees: bool = False,
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
    - `sees`: whether to keep what it has `seen`.

    Everything that steers the iteration is a constant to differentiation; the
    derivative converges with the iteration itself.
    """
    dtype = slopes.dtype
    stopped = jax.lax.stop_gradient
    expected = jnp.clip(stopped(expected), 0, 0.9).astype(dtype)
    guess = jnp.where(
        expected > 0, expected**EXPECTED_CONTRACTION_POWER, FIRST_CONTRACTION
    )

    def step(carry):
        now, history = carry
        at, rest = now.slopes, residual(now.slopes)
        corrected = correction(rest)
        image = now.slopes + corrected
        new = image
        if memory:
            moved, history = _accelerated(
                stopped(corrected) * weights[None],
                image - slopes,
                history,
                now.iterations,
            )
            new = slopes + moved
        size = stopped(change(new - now.slopes)).astype(dtype)
        count = now.iterations + 1
        ratio = jnp.where(count > 1, size / now.change, guess)
        finite = jnp.isfinite(size)
        mean = _geometric_mean(now.contraction, ratio, count)
        if to_round_off:
            stagnated = (ratio > STAGNATED_CONTRACTION) & (count > 1)
            small = (size < ROUND_OFF_CHANGE) & stagnated
            done, enough = small | (size < 0.5), ROUND_OFF_CHANGE
        else:
            first_rate = jnp.where(
                expected > 0, jnp.maximum(guess, LEAST_EXPECTED_CONTRACTION), 1
            )
            later_rate = jnp.maximum(jnp.maximum(ratio, mean), LEAST_CONTRACTION)
            rate = jnp.where(count > 1, later_rate, first_rate)
            rest_error = size * rate / jnp.maximum(1 - rate, 1e-3)
            done, enough = (rate < 1) & (rest_error < 1), 1.0
        left = (limit - count).astype(dtype)
        within_limit = size * jnp.minimum(mean, 1) ** left < enough
        beyond_limit = ~within_limit & (count > HOPELESS_AFTER_ITERATIONS)
        hopeless = (mean > DIVERGED_CONTRACTION) | beyond_limit
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
            seen=(at, at + rest) if sees else None,
        )
        return now, history

    going = lambda carry: ~(carry[0].converged | carry[0].failed)
    last, _ = eqxi.while_loop(
        going,
        step,
        (Iterate.first(slopes, guess, sees), _History.none(memory, slopes)),
        max_steps=limit,
        kind="checkpointed",
    )
    return last


def _geometric_mean(before, ratio, count):
    """Of all ratios so far, from that of all but the last; the guess at the start."""
    past = jnp.where(count > 2, before, 1)
    power = 1 / jnp.maximum(count - 1, 1).astype(ratio.dtype)
    return jnp.where(count > 1, past ** (1 - power) * ratio**power, before)


def _accelerated(last, image, history: _History, iterations):
    """Σ α_j (K_j + g_j) less the first guess, and the history with the last one in it.

    With differences d_j = g − g_j, in the norm of the weights, the mix γ solves
    Σ_l (d_j·d_l) γ_l = d_j·g, all of which is read off the Gram matrix of the g_j;
    scaled to |d_j| = 1. A correction that has hardly changed since is left out: its
    difference is lost in rounding.
    """
    memory, dtype = len(history.gram), image.dtype
    eps = jnp.finfo(dtype).eps
    along = jnp.tensordot(history.corrections, last, axes=[[1, 2], [0, 1]])
    own = jnp.sum(last * last)
    product = own - along[:, None] - along[None] + history.gram
    squares = jnp.diagonal(product)
    largest = jnp.maximum(own, jnp.diagonal(history.gram))
    large = squares > ANDERSON_LEAST_CHANGE * eps * largest
    used = (jnp.arange(memory) < iterations) & large & jnp.isfinite(squares)
    scale = jnp.sqrt(jnp.where(used, squares, 1))
    both = used[:, None] & used[None]
    matrix = jnp.where(both, product / (scale[:, None] * scale[None]), 0)
    matrix = matrix + jnp.diag(jnp.where(used, ANDERSON_RIDGE * eps, 1).astype(dtype))
    right = jnp.where(used, (own - along) / scale, 0)
    solution = solve(matrix, right)
    mix = jnp.where(used & jnp.isfinite(solution), solution / scale, 0)
    mixed = (1 - jnp.sum(mix)) * image + jnp.tensordot(mix, history.images, axes=1)
    slot = iterations % memory
    along = along.at[slot].set(own)
    gram = history.gram.at[slot].set(along).at[:, slot].set(along)
    corrections = history.corrections.at[slot].set(last)
    images = history.images.at[slot].set(image)
    return mixed, _History(corrections, gram, images)
