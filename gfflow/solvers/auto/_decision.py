"""When `Auto` goes over to another solver."""

import jax.numpy as jnp
from jaxtyping import Array, Bool

from .._constants import (
    AUTO_CALM_STEPS,
    AUTO_STIFF_STEPS,
)
from ..explicit import KINKED, SMOOTH

STIFF = 2


def decide(
    mode: Array, votes: Array, pressed: Bool[Array, ""], kinked: Bool[Array, ""]
) -> tuple[Array, Array]:
    """The mode of the next step, and the votes in it.

    Four steps in a row that speak for it lead from the explicit methods to the stiff
    solver, eight back. Between the explicit methods the kinks decide, at each step.

    **Arguments:**

    - `mode`: of the last step: 0 explicit, 1 explicit across kinks, 2 stiff.
    - `votes`: steps in a row before it that spoke for leaving the mode.
    - `pressed`: whether it does: an explicit step near the bound of stability, or a
        stiff one far from it.
    - `kinked`: whether kinks decide the steps.
    """
    votes = jnp.where(pressed, votes + 1, 0)
    stiff = mode == STIFF
    leave = votes >= jnp.where(stiff, AUTO_CALM_STEPS, AUTO_STIFF_STEPS)
    explicit = jnp.where(kinked, KINKED, SMOOTH)
    following = jnp.where(leave != stiff, STIFF, explicit)
    return following, jnp.where(following != mode, 0, votes)
