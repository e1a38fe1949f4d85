"""Preconditioned flow: RMSProp, Adam and sign descent as differential equations."""

from typing import Any, NamedTuple, final

from .._errors import SolveError
from .._typing import Parameters, ScalarLike, State
from ..problem import Problem
from ._base import AbstractFlow
from ._preconditioners import AbstractPreconditioner, Adam, RMSProp, Sign


class Remembered(NamedTuple):
    """Parameters θ (or the model with them) and the preconditioner's memory."""

    model: Any
    memory: Any


@final
class PreconditionedFlow(AbstractFlow):
    """θ' = s ∘ P(t, memory, ∇L), memory' = Q(t, memory, ∇L), s the problem's rates.

    The state is the parameters, and a law sees the model; with a preconditioner that
    has a memory both are a `Remembered`: `model` and `memory`. Time is the number of
    steps times their size η, and an average of decay β has the time τ = η/(1 − β).
    The field is not affine in the gradient and leaves W_θ: the laws of gradient flow
    are broken.

    **Attributes:**

    - `preconditioner`: `gfflow.flows.RMSProp`, `Adam`, `Sign` or `OptaxLimit`.
    """

    preconditioner: AbstractPreconditioner
    affine = False

    def __init__(self, preconditioner: AbstractPreconditioner):
        """**Raises:** `SolveError` for what is not a preconditioner."""
        if not isinstance(preconditioner, AbstractPreconditioner):
            raise SolveError(
                "a preconditioner is gfflow.flows.RMSProp, Adam, Sign or OptaxLimit; "
                f"got {preconditioner!r}"
            )
        self.preconditioner = preconditioner

    def initial_state(self, problem: Problem) -> State:
        """**Raises:** `SolveError` for an `OptaxLimit` that does not exist."""
        memory = self.preconditioner.initial_memory(problem.parameters)
        return _joined(problem.parameters, memory)

    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        parameters, memory = _parts(state)
        step, rate = self.preconditioner.field(t, memory, gradient, parameters)
        return _joined(problem.scaled(step), rate)

    def parameters(self, state: State) -> State:
        return _parts(state)[0]

    def view(self, state: State, problem: Problem) -> Any:
        parameters, memory = _parts(state)
        return _joined(problem.model_at(parameters), memory)

    @property
    def has_memory(self) -> bool:
        return self.preconditioner.has_memory


def rmsprop(
    tau: ScalarLike, eps: ScalarLike = 1e-8, initial: ScalarLike = 0.0
) -> PreconditionedFlow:
    """`PreconditionedFlow(RMSProp(tau, eps, initial))`."""
    return PreconditionedFlow(RMSProp(tau, eps, initial))


def adam(
    tau1: ScalarLike, tau2: ScalarLike, eps: ScalarLike = 1e-8
) -> PreconditionedFlow:
    """`PreconditionedFlow(Adam(tau1, tau2, eps))`."""
    return PreconditionedFlow(Adam(tau1, tau2, eps))


def sign(eps: ScalarLike = 0.0) -> PreconditionedFlow:
    """`PreconditionedFlow(Sign(eps))`."""
    return PreconditionedFlow(Sign(eps))


def _joined(parameters, memory):
    return parameters if memory is None else Remembered(parameters, memory)


def _parts(state):
    return state if isinstance(state, Remembered) else (state, None)
