"""The interface of a flow."""

import abc
from typing import Any, ClassVar

import equinox as eqx

from .._typing import Parameters, Rate, ScalarLike, State
from ..problem import Problem


class AbstractFlow(eqx.Module):
    """An autonomous or time-dependent field on a state that holds the parameters.

    A new flow is one file with one final class that fills in these methods, and one
    line in the registry.

    **Class attributes:**

    - `affine`: whether `response` is affine in the gradient.
    - `stays_in_span`: whether the state is the parameters and the responses to the
        gradients in W_θ, without the weight decay −λθ, span S W_θ: S the diagonal of
        the rates (`time_scale`), W_θ the span of ∂_θ g(θ, x)ᵀw over all x and all w
        that the loss can ask for. Such a flow has the laws of gradient flow: a law is a
        function whose gradient is orthogonal to S W_θ.
    """

    affine: ClassVar[bool] = True
    stays_in_span: ClassVar[bool] = False

    @abc.abstractmethod
    def initial_state(self, problem: Problem) -> State:
        """The state at the start: a pytree of inexact arrays."""

    @abc.abstractmethod
    def response(
        self, t: ScalarLike, state: State, gradient: Parameters, problem: Problem
    ) -> State:
        """dstate/dt where the gradient of the loss is `gradient` (see `affine`).

        What it does with any gradient, not only with that of the problem's own data, is
        what decides on the laws of the flow.
        """

    def vector_field(self, t: ScalarLike, state: State, problem: Problem) -> State:
        """dstate/dt, a pytree like the state."""
        gradient = problem.gradient(self.parameters(state))
        return self.response(t, state, gradient, problem)

    @abc.abstractmethod
    def absolute_field(self, t: ScalarLike, state: State, problem: Problem) -> State:
        """The sum of the absolute values of the terms that the field is the sum of."""

    @abc.abstractmethod
    def parameters(self, state: State) -> Parameters:
        """The parameters in the state."""

    @abc.abstractmethod
    def view(self, state: State, problem: Problem) -> Any:
        """What a law sees of the state; for a gradient flow, the whole model."""

    @abc.abstractmethod
    def homogeneous_decay(self) -> Rate:
        """λ, or the function λ(t), of the weight decay −λθ in the field; 0 without."""

    def without_decay(self) -> "AbstractFlow":
        """This flow without the weight decay that `homogeneous_decay` states."""
        return self

    @property
    def base(self) -> "AbstractFlow":
        """The flow that modifiers are put on: itself where it is none."""
        return self

    @property
    def has_memory(self) -> bool:
        """Whether the state holds more than the parameters. It then moves without a
        gradient, and what a law sees has the field `model`."""
        return False

    @property
    def shows_its_state(self) -> bool:
        """Whether the parameters are entries of the state, and not functions of it. If
        not, no solver keeps laws of the parameters by construction."""
        return True
