"""What a collocation solver knows of the Jacobian, and when it asks again."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..._linalg import eigh
from .._constants import (
    CHEAP_DIRECTIONS,
    FIRST_JACOBIAN_ROUNDS,
    KEPT_JACOBIAN_GROWTH,
    KEPT_JACOBIAN_ITERATIONS,
    MOVED_JACOBIAN,
    PRODUCT_BLOCK,
    PRODUCTS_A_GRADIENT,
    RESIDUAL_DIRECTIONS,
)
from . import _deflation
from ._deflation import Deflation


class Jacobian(NamedTuple):
    """The stiff directions, kept from step to step.

    They are taken afresh at each step, unless the last stage equations took two
    iterations or fewer, and the drift of the Jacobian since then matters little. Where
    they are more than 40, they are kept until the step grows by a third, or the
    gradients that the stale ones cost beyond the fewest make up for new ones, as in the
    problem of ski rental; a product is taken to cost half a gradient. Stage equations
    that the stale ones do not solve are tried again with new ones.

    - `deflation`: as last taken; `known` whether it ever was.
    - `extra`: directions that the last residual had outside of it.
    - `iterations`: of the last stage equations.
    - `step`: |h| when it was taken.
    - `base`: the fewest iterations since it was taken.
    - `regret`: the gradients spent on iterations beyond these.
    """

    deflation: Deflation
    known: Bool[Array, ""]
    extra: Float[Array, "e D"]
    iterations: Array
    step: Float[Array, ""]
    base: Array
    regret: Array

    @classmethod
    def none(cls, size: int, vectors: int | None, stages: int, dtype, t0) -> "Jacobian":
        """Before the first step; `vectors` is `None` for the full Jacobian."""
        most = size
        if vectors is not None and vectors < size:
            most = min(-(-vectors // PRODUCT_BLOCK) * PRODUCT_BLOCK, size)
        extra = 0 if vectors is None else min(RESIDUAL_DIRECTIONS, stages, size)
        zero = jnp.asarray(0, int)
        return cls(
            Deflation.none(size, most, dtype, t0),
            jnp.asarray(False),
            jnp.zeros((extra, size), dtype),
            zero,
            jnp.zeros((), dtype),
            zero,
            zero,
        )

    def at(
        self,
        field: Callable,
        t: Array,
        state: Array,
        slope: Array,
        h: Array,
        ahead: Array,
        afresh: Array,
    ) -> tuple[Deflation, Array, Array]:
        """The deflation for the step h, the products that it took, and in how many
        batches, one after another.

        `ahead` is the largest weight of the drift in this step, if it is kept; it is
        not kept where `afresh`.
        """
        before, full = self.deflation, not len(self.extra)
        most = len(before.basis)
        here = lambda y: field(t, y)
        t = jnp.asarray(t, before.when.dtype)
        dear = jnp.maximum(before.count - CHEAP_DIRECTIONS, 0)
        due = self.regret >= dear // PRODUCTS_A_GRADIENT
        due = due | (h > KEPT_JACOBIAN_GROWTH * self.step)
        due = due & (self.iterations > KEPT_JACOBIAN_ITERATIONS)
        far = h * ahead * jnp.linalg.norm(before.drift)
        moved = (far > MOVED_JACOBIAN) & (ahead > 1)
        due = due | (moved & (before.count <= CHEAP_DIRECTIONS)) | afresh
        first = 1 if full else FIRST_JACOBIAN_ROUNDS
        rounds = jnp.where(self.known, jnp.where(due, 1, 0), first)

        def step(carry):
            done, products, chain, found = carry
            if full:
                basis, count = jnp.eye(most, dtype=state.dtype), jnp.asarray(most)
            else:
                basis, count = _deflation.next_basis(found, self.extra, slope, state, h)
            images = _deflation.images(here, state, basis, count)
            fresh = Deflation(basis, images, found.drift, count, t, t)
            return (
                done + 1,
                products + count,
                chain - (-count // PRODUCT_BLOCK),
                fresh.drifted(before),
            )

        going = lambda carry: carry[0] < rounds
        none = jnp.asarray(0, int)
        start = none, none, none, before
        _, products, chain, found = jax.lax.while_loop(going, step, start)
        return jax.lax.stop_gradient((found, products, chain))

    def after(
        self,
        deflation: Deflation,
        fresh: Array,
        h: Array,
        iterations: Array,
        residual: Float[Array, "s D"],
    ) -> "Jacobian":
        """After a step h whose stage equations took so many iterations, and had this
        residual in an early one."""
        base = jnp.where(fresh, iterations, jnp.minimum(self.base, iterations))
        spent = len(residual) * (iterations - base)
        return Jacobian(
            deflation,
            jnp.asarray(True),
            _outside(residual, deflation, len(self.extra)),
            iterations,
            jnp.where(fresh, h, self.step),
            base,
            jnp.where(fresh, 0, self.regret + spent),
        )


def _outside(residual, deflation: Deflation, count: int):
    """The leading directions of the residual that the deflation does not hold."""
    if not count:
        return jnp.zeros((0, residual.shape[1]), residual.dtype)
    basis = deflation.basis
    rest = jax.lax.stop_gradient(residual)
    rest = rest - (rest @ basis.T) @ basis
    rest = jnp.where(jnp.isfinite(rest), rest, 0)
    _, vectors = eigh(rest @ rest.T)
    leading = vectors[:, ::-1].T @ rest
    return leading[:count]
