"""A subject as a function of one flat vector, as work_precision's solvers want it."""

import time
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from subjects import Subject

from cost import OverBudget  # isort: skip
from field import Field  # isort: skip

SECONDS = 12.0


@dataclass(frozen=True, eq=False)
class FlowField(Field):
    """−ẏ of any flow, its products and its Jacobian; `case` is a `Subject`.

    Calls after the deadline of `Clock` raise `OverBudget`, which stops the solver.
    """

    @classmethod
    def of(cls, case: Subject) -> "FlowField":
        """The field of a subject; y is θ, or θ and its velocity."""
        problem, flow = case.problem(), case.flow
        start, unravel = ravel_pytree(flow.initial_state(problem))

        def minus_slope(y):
            field = flow.vector_field(jnp.zeros(()), unravel(y), problem)
            return -ravel_pytree(field)[0]

        def product(y, v):
            return jax.jvp(minus_slope, (y,), (v,))[1]

        products = jax.vmap(product, (None, 0))
        return cls(
            case,
            problem,
            np.asarray(start),
            unravel,
            CLOCK.stops(jax.jit(minus_slope)),
            CLOCK.stops(jax.jit(product)),
            CLOCK.stops(jax.jit(products)),
        )

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """−∂ẏ/∂y, shape `(D, D)`; not symmetric under momentum."""
        return np.asarray(self.products(y, jnp.eye(self.size))).T

    def parameters(self, y: np.ndarray) -> np.ndarray:
        """θ of a state."""
        state = self.unravel(jnp.asarray(y))
        return np.asarray(ravel_pytree(self.case.flow.parameters(state))[0])

    def distance(self, y: np.ndarray, reference: np.ndarray) -> float:
        """‖θ − θ*‖/‖θ*‖."""
        y, reference = self.parameters(y), self.parameters(reference)
        return float(np.linalg.norm(y - reference) / np.linalg.norm(reference))


class Clock:
    """A deadline in wall time for a solver that runs on the host."""

    def __init__(self):
        self.deadline = np.inf

    def start(self, seconds: float = SECONDS):
        """From now on."""
        self.deadline = time.perf_counter() + seconds

    def stop(self):
        """No deadline."""
        self.deadline = np.inf

    def stops(self, function):
        """The function, which raises `OverBudget` after the deadline."""

        def timed(*arguments):
            if time.perf_counter() > self.deadline:
                raise OverBudget
            return function(*arguments)

        return timed


CLOCK = Clock()
