"""Schedules of the learning rate: what they must return, and how long steps last."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .._errors import SolveError

_AT_ONCE = 4096
_MOST_STEPS = 10**8


def checked_schedule(schedule: Any) -> Callable[..., Any]:
    """The schedule, which takes a traced step and returns one number.

    **Raises:** `SolveError` if it does not.
    """
    if not callable(schedule):
        raise SolveError(f"a schedule is a function step -> number; got {schedule!r}")
    number = lambda step: jnp.asarray(schedule(step))
    try:
        with jax.numpy_dtype_promotion("standard"):
            rate = jax.eval_shape(number, jax.ShapeDtypeStruct((), jnp.arange(1).dtype))
    except Exception as error:  # of the user's own function: of any kind
        text = str(error).partition("\n")[0]
        raise SolveError(
            "learning_rate is a number or a schedule, a JAX function step -> number; "
            f"the schedule raised {type(error).__name__}: {text}"
        ) from error
    if rate.shape or jnp.issubdtype(rate.dtype, jnp.complexfloating):
        raise SolveError(
            "a schedule of the learning rate returns one number; it returned "
            f"{rate.dtype}{list(rate.shape)}"
        )
    return schedule


def steps_within(time: Callable[[Int[Array, ""]], Array], span: float) -> int:
    """How many steps, from step 0, last no longer than `span` together.

    **Arguments:**

    - `time`: the time of a step.

    **Raises:** `SolveError` for a time that is negative or not finite, or if the steps
    do not fill the span.
    """
    times = jax.jit(jax.vmap(time))
    count, left = 0, span * (1 + 1e-9)
    while count < _MOST_STEPS:
        each = np.asarray(times(jnp.arange(count, count + _AT_ONCE)), float)
        ends = np.cumsum(each)
        inside = int(np.searchsorted(ends, left, side="right"))
        wrong = ~(np.isfinite(each) & (each >= 0))
        if wrong[: inside + 1].any():
            first = int(np.argmax(wrong))
            raise SolveError(
                "a schedule of the learning rate gives finite numbers of at least 0; "
                f"step {count + first} lasts {each[first]:g}"
            )
        count += inside
        if inside < _AT_ONCE:
            return count
        left -= ends[-1]
        if ends[-1] == 0:
            break
    raise SolveError(
        f"the learning rates of the schedule fall so fast that after {count} steps "
        f"{left:g} of the flow time {span:g} are left: end earlier, or give steps"
    )
