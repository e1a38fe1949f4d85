"""What the loop, and the run that it returns, know of a discrete optimiser."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from .._checks import is_traced
from .._errors import SolveError
from .._typing import Scalar, ScalarLike
from ..problem import Problem
from ._batches import Batches
from ._optimisers import Optimiser
from ._schedule import steps_within


class AbstractDiscreteFlow(eqx.Module):
    """An optimiser with its learning rate, and how long its steps last in flow time."""

    optimiser: eqx.AbstractVar[Optimiser]
    learning_rate: eqx.AbstractVar[Scalar | Callable[..., Any]]
    batches: eqx.AbstractVar[Batches]
    time_per_step: eqx.AbstractVar[Scalar | None]
    second_order: eqx.AbstractVar[bool]

    def rate(self, step: Int[Array, ""], dtype) -> Scalar:
        """η of a step."""
        if not callable(self.learning_rate):
            return jnp.asarray(self.learning_rate).astype(dtype)
        with jax.numpy_dtype_promotion("standard"):
            return jnp.asarray(self.learning_rate(step)).astype(dtype)

    def step_time(self, learning_rate: Scalar) -> Scalar:
        """The flow time of a step with this η, in its dtype."""
        if self.time_per_step is not None:
            return self.time_per_step.astype(learning_rate.dtype)
        return self.optimiser.time(learning_rate, self.second_order)

    def time_after(
        self, step: Int[Array, ""], t: Scalar, t0: Scalar, learning_rate: Scalar
    ) -> Scalar:
        """The time at the end of a step that starts at t: a product where it can be."""
        span = self.step_time(learning_rate)
        if callable(self.learning_rate) and self.time_per_step is None:
            return t + span
        return t0 + (step + 1).astype(t.dtype) * span

    def steps_until(self, problem: Problem, t1: float, t0: ScalarLike = 0.0) -> int:
        """How many steps end by t1.

        **Raises:** `SolveError` if that is none, or cannot be known.
        """
        time = lambda step: self.step_time(self.rate(step, problem.dtype))
        first = time(jnp.zeros((), int))
        if is_traced(first, t0, t1):
            raise SolveError("inside jit the number of steps must be known; give steps")
        span = float(t1) - float(t0)
        if callable(self.learning_rate) and self.time_per_step is None:
            count = steps_within(time, span)
        else:
            count = span / float(first)
        if not 1 - 1e-6 <= count < 2**31:
            raise SolveError(
                f"a step lasts {float(first):g} of flow time, and from t0 = "
                f"{float(t0):g} to t1 = {float(t1):g} there must be 1 to 2³¹ of them"
            )
        return int(np.floor(count * (1 + 1e-9) + 1e-9))
