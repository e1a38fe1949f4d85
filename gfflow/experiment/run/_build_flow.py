"""From `[flow]` to a flow."""

from ...flows import AbstractFlow, LearningRate, WeightDecay
from ...problem import Problem
from ..config import AnyFlowSection, call_registered, rate_of
from ._where import Where, at


def build_flow(section: AnyFlowSection, where: Where = str) -> AbstractFlow:
    """The flow with its weight decay and its learning rate.

    **Raises:** `ConfigError` for a target that is no function, or what a flow refuses.
    """
    with at(where, "flow.weight_decay"):
        decay = rate_of(section.weight_decay)
    with at(where, "flow.learning_rate"):
        rate = rate_of(section.learning_rate)
    with at(where, "flow", section):
        flow = call_registered("flows", section.kind, section.options())
    if callable(decay) or decay:
        with at(where, "flow.weight_decay"):
            coupled = section.is_coupled
            spelled = flow.spelled_with_decay(decay, coupled)
            flow = spelled or WeightDecay(flow, decay, coupled=coupled)
    return flow if rate == 1.0 else LearningRate(flow, rate)


def check_flow(
    section: AnyFlowSection, flow: AbstractFlow, problem: Problem, where: Where
) -> None:
    """Refuse a flow that does not fit the problem.

    **Raises:** `ConfigError`.
    """
    with at(where, "flow", section):
        flow.initial_state(problem)
