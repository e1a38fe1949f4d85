"""Attempts at the stage equations of one step."""

from collections.abc import Callable
from typing import NamedTuple

import equinox.internal as eqxi
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .._constants import STAGE_ATTEMPTS
from ._deflation import Deflation
from ._stage_iteration import Correction, Iterate
from ._stage_system import StageSystem


class StageAttempt(NamedTuple):
    """**Attributes:**

    - `count`: which one it is.
    - `system`, `last`: the linear equations, and where the iteration ended.
    - `products`: Hessian-vector products taken for it.
    - `rounds`, `chain`: evaluations of all stages, and batches of products one after
        another, in all attempts.
    """

    count: Array  # pyright: ignore[reportIncompatibleMethodOverride]
    system: StageSystem
    last: Iterate
    products: Array
    rounds: Array
    chain: Array

    @property
    def fresh(self) -> Bool[Array, ""]:
        """Whether the Jacobian was taken for it."""
        return self.products > 0

    @property
    def worth_another(self) -> Bool[Array, ""]:
        """Whether it failed with an old Jacobian, so that a new one may help."""
        return (self.count == 0) | (self.last.failed & ~self.fresh)


def attempts(
    guess: Float[Array, "s D"],
    old: Deflation,
    take: Callable[[Array], tuple[Deflation, Array, Array]],
    system_of: Callable[[Deflation], StageSystem],
    iteration: Callable[[Correction], Iterate],
    sees: bool = False,
) -> StageAttempt:
    """One, and another with a new Jacobian if it failed with an old one.

    So a stale Jacobian costs iterations but no step.

    **Arguments:**

    - `old`: a deflation, for its shapes.
    - `take`: whether it must be new → the deflation, products and batches of them.
    - `system_of`: the linear equations of a deflation.
    - `iteration`: Newton correction → where it ends; `sees`: whether that keeps what
        it has seen.
    """

    def attempt(before: StageAttempt) -> StageAttempt:
        deflation, products, chain = take(before.count > 0)
        system = system_of(deflation)
        last = iteration(system.correction)
        return StageAttempt(
            before.count + 1,
            system,
            last,
            products,
            before.rounds + last.iterations,
            before.chain + chain,
        )

    none = jnp.asarray(0, int)
    start = StageAttempt(
        none,
        StageSystem.none(old, len(guess)),
        Iterate.first(guess, jnp.zeros((), guess.dtype), sees),
        none,
        none,
        none,
    )
    return eqxi.while_loop(
        lambda now: now.worth_another,
        attempt,
        start,
        max_steps=STAGE_ATTEMPTS,
        kind="checkpointed",
    )
