"""The interface of a flow."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu

from .._typing import Parameters, Rate, ScalarLike, State
from ..problem import Problem
from ._second_order import SecondOrder

Clock = tuple[tuple[str, Callable[[Any], Any]], ...]


class AbstractFlow(eqx.Module):
    """An autonomous or time-dependent field on a state that holds the parameters.

    A new flow is one file with one final class, and one line in the registry. It must
    say what its field is. The state is the parameters unless it says otherwise, and to
    the other questions the answer is, by default, that no more is known of it than of
    any field.

    **Class attributes:**

    - `affine`: whether `response` is affine in the gradient.
    - `stays_in_span`: whether the state is the parameters and the responses to the
        gradients in W_θ, without the weight decay −λθ, span S W_θ: S the diagonal of
        `law_rates`, W_θ the span of ∂_θ g(θ, x)ᵀw over all x and all w that the loss
        can ask for. Such a flow has the laws of gradient flow: a law is a function
        whose gradient is orthogonal to S W_θ.
    - `ascends`: whether some of `law_rates` are negative.
    - `by_gradient`: whether it knows the model by the gradient of the loss alone.
    """

    affine: ClassVar[bool] = True
    stays_in_span: ClassVar[bool] = False
    ascends: ClassVar[bool] = False
    by_gradient: ClassVar[bool] = True

    def initial_state(self, problem: Problem) -> State:
        """The state at the start, a pytree of inexact arrays: the parameters, or more
        (`has_memory`)."""
        return problem.parameters

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

    def parameters(self, state: State) -> Parameters:
        """The parameters in the state."""
        return state

    def view(self, state: State, problem: Problem) -> Any:
        """What a law sees of the state: the whole model, or more (`has_memory`)."""
        return problem.model_at(self.parameters(state))

    def homogeneous_decay(self) -> Rate:
        """λ, or the function λ(t), of the weight decay −λθ in the field; 0 without."""
        return 0.0

    def coupled_decay(self, rate: Rate) -> Rate | None:
        """λ' of the −λ'θ that the gradient λS⁻¹θ adds to θ', or to the force of a flow
        of second order; `None` where it adds something else."""
        return None

    def law_rates(self, problem: Problem) -> Parameters:
        """s of θ' = −s∘∇L, with its sign, a pytree like the parameters.

        Within an array it may differ only as the problem's `time_scale` does.
        """
        return problem.scaled(jtu.tree_map(jnp.ones_like, problem.parameters))

    @property
    def second_order(self) -> SecondOrder | None:
        """The equation that it is of second order in time; `None` for first order."""
        return None

    def metric_power(self, path: str) -> int | None:
        """a, where its laws are those of θ' = −θ^a∘s∘∇L at this parameter (of
        θ'' = … for a flow of second order); `None` where no a is known."""
        return 0 if self.stays_in_span else None

    def for_discovery(self) -> "AbstractFlow | None":
        """The flow whose fields decide on its laws: without what scales them alone, and
        without the homogeneous decay, which is accounted for apart. `None` where weight
        decay does to the laws what is not known."""
        return self

    def inside(self, state: State) -> State:
        """Any state, put into the domain of the flow."""
        return state

    def clock(self) -> Clock:
        """The functions of time that its laws may contain, by name."""
        return (("t", _time),) if self.has_memory else ()

    def spelled_with_decay(self, rate: Rate, coupled: bool) -> "AbstractFlow | None":
        """This flow with weight decay in its own argument; `None` where it has none for
        such a decay."""
        return None

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


def _time(t: ScalarLike) -> ScalarLike:
    """One function for all flows, so that what is compiled for it is."""
    return t
