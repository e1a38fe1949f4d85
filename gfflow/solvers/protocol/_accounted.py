"""A solver that tells the step-size controller more than an error estimate."""

from typing import Any, NamedTuple, final

from jaxtyping import Array, PyTree

from ._delegate import AbstractDelegate
from ._diffrax import adapted
from ._spent import Spent
from ._stages import Measure
from ._traced_once import traced_once


class StepReport(NamedTuple):
    """What a controller is told of one attempted step.

    - `error`: the solver's error estimate, like the state.
    - `spent`: on this step alone, also if it is rejected.
    - `solved`: 1 if the step's implicit equations were solved, else 0.
    - `end`: the time at which the step ended, before that it was asked for where the
        solver cut it short.
    - `measured`: what was measured at its stages; `None` if nothing was asked for.
    """

    error: PyTree[Array]
    spent: Spent
    solved: Array
    end: Array
    measured: PyTree[Array] = None


@final
class Accounted(AbstractDelegate[PyTree]):
    """The same solver, with a `StepReport` in the place of its error estimate.

    Diffrax drops the state that a solver has after a rejected step, and with it the
    count of what the step cost. What goes through the controller is kept. Only
    `gfflow.solve`'s controller reads it.

    **Attributes:**

    - `measure`: what is measured at the stages of each step, if anything is.
    """

    solver: Any
    measure: Measure | None = None

    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        step = terms, t0, t1, y0, args, solver_state, made_jump
        return _step(self.solver, self.measure, *step)


@traced_once
def _step(solver, measure, terms, t0, t1, y0, args, solver_state, made_jump):
    step, measured = (terms, t0, t1, y0, args, solver_state, made_jump), None
    answers = adapted(solver)
    if measure is None:
        made = solver.step(*step)
    else:
        made, measured = answers.step_measured(measure, *step)
    y1, error, dense, new, result = made
    spent = answers.spent_on_step(solver_state, new)
    solved = answers.solved(new).astype(float)
    end = answers.end_of_step(new, t1)
    return y1, StepReport(error, spent, solved, end, measured), dense, new, result
