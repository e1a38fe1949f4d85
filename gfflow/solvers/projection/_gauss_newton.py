"""The way back of any laws, along their gradients, and how corrections are made."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float

from ..._linalg import solve_positive
from ..._typing import BoolScalar, Scalar, State
from .._constants import PROJECTION_BLOCK_ELEMENTS

Correction = Callable[[State, Float[Array, " m"]], tuple[State, Float[Array, " m"]]]


def gauss_newton(fn: Callable[[State], Float[Array, " m"]]) -> Correction:
    """The correction of any laws, along their gradients.

    With r = fn(y) − target, J = ∂fn/∂y (m × D) and N = diag |J_i|, it is

        y ← y − (N⁻¹J)ᵀ (N⁻¹JJᵀN⁻¹ + μ)⁻¹ N⁻¹r,

    a Levenberg–Marquardt step, of which Gauss–Newton's is the limit μ → 0. Rows of J
    that depend on each other (such as the entries of a symmetric matrix of deficient
    rank) do not make it singular: on a singular value σ of N⁻¹J the factor is
    σ/(σ² + μ), so what is consistent shrinks by μ/(σ² + μ), and the kernel moves
    nothing. μ is (|N⁻¹r|/|y|)², with which the iteration is quadratic also at singular
    J (Yamashita & Fukushima 2001, Thm 2.1), and at least round-off.

    JJᵀ is taken column by column through a vjp and a jvp of fn. To differentiation it
    is a constant: that changes the derivative of one correction by a multiple of r in
    the range of Jᵀ, which the next removes like any departure from the level set.
    """

    def correction(state, residual):
        here = jax.lax.stop_gradient(state)
        size = sum(leaf.size for leaf in jtu.tree_leaves(state))
        count = len(residual)
        _, push = jax.linearize(fn, here)
        pull = jax.linear_transpose(push, here)
        batch = max(1, min(count, PROJECTION_BLOCK_ELEMENTS // size))
        units = jnp.eye(count, dtype=residual.dtype)
        gram = jax.lax.map(lambda unit: push(*pull(unit)), units, batch_size=batch)
        length = jnp.sqrt(jnp.diagonal(gram))
        length = jnp.where(length > 0, length, 1)
        gram = (gram + gram.T) / 2 / length[:, None] / length[None, :]
        gram = gram + shift_of(residual, length, state) * units
        weights = solve_positive(gram, residual / length) / length
        _, pull = jax.vjp(fn, state)
        return jtu.tree_map(jnp.subtract, state, pull(weights)[0]), length

    return correction


def restored(
    fn: Callable[[State], Float[Array, " m"]],
    state: State,
    target: Float[Array, " m"],
    noise: Float[Array, " m"],
    correction: Correction,
    corrections: int,
) -> State:
    """The state near `state` at which fn = `target`, by at most `corrections` of them.

    A correction that does not bring y closer is not made, and is the last one: laws
    that cannot be met change little, and what is not finite stays as it is.

    **Arguments:**

    - `noise`: what of r = fn(y) − target counts as nothing.
    - `correction`: (y, r) -> (new y, lengths that make distances of r).
    """

    met = lambda residual: jnp.all(jnp.abs(residual) <= noise)

    def attempt(state, residual) -> tuple[State, Array, BoolScalar]:
        moved, length = correction(state, residual)
        left = fn(moved) - target
        closer = _distance(left, length) < _distance(residual, length)
        keep = lambda new, old: jnp.where(closer, new, old)
        residual = keep(left, residual)
        return jtu.tree_map(keep, moved, state), residual, ~closer | met(residual)

    def body(carry, _):
        state, residual, done = carry
        stay = lambda state, residual: (state, residual, jnp.asarray(True))
        return jax.lax.cond(done, stay, attempt, state, residual), None

    residual = fn(state) - target
    carry = state, residual, met(residual)
    (state, _, _), _ = jax.lax.scan(body, carry, length=corrections)
    return state


def _distance(residual, length) -> Scalar:
    return jnp.linalg.norm(jax.lax.stop_gradient(residual) / length)


def shift_of(residual, length, state) -> Scalar:
    """μ of the Levenberg–Marquardt step, for a matrix with unit diagonal."""
    floor = 10 * (len(residual) + 10) * jnp.finfo(residual.dtype).eps
    leaves = jtu.tree_leaves(jax.lax.stop_gradient(state))
    square = sum(jnp.sum(jnp.square(leaf)).astype(residual.dtype) for leaf in leaves)
    relative = _distance(residual, length) ** 2 / jnp.where(square > 0, square, 1)
    return jnp.clip(relative, floor, 1)
