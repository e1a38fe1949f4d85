"""From `[flow]` to a flow."""

from collections.abc import Callable
from typing import Any

from ..._errors import TargetError
from ..._registry import lookup
from ..._typing import Rate
from ...flows import AbstractFlow, LearningRate, Nesterov, PNorm, WeightDecay
from ..config._flow_sections import (
    AnyFlowSection,
    MirrorFlowSection,
    MomentumFlowSection,
)
from ..config._targets import load_target

_SHARED = {"kind", "weight_decay", "learning_rate", "coupled"}


def build_flow(section: AnyFlowSection) -> AbstractFlow:
    """The flow with its weight decay and its learning rate.

    **Raises:** a `GFFlowError` for a target that is no function, or what a flow
    refuses.
    """
    options = section.model_dump(exclude=_SHARED, exclude_none=True)
    if isinstance(section, MomentumFlowSection):
        options = {"friction": _friction(section)}
    if isinstance(section, MirrorFlowSection):
        table = {"": section.potential, **section.potentials}
        potentials = {path: _potential(p) for path, p in table.items()}
        options = {"potential": potentials, "dual": section.dual}
    flow = lookup("flows", getattr(section, "kind"))(**options)
    decay = _rate(section.weight_decay)
    if callable(decay) or decay:
        coupled = getattr(section, "coupled", False)
        spelled = flow.spelled_with_decay(decay, coupled)
        flow = spelled or WeightDecay(flow, decay, coupled=coupled)
    rate = _rate(section.learning_rate)
    return flow if rate == 1.0 else LearningRate(flow, rate)


def _friction(section: MomentumFlowSection) -> Any:
    if section.friction == "nesterov":
        return Nesterov(section.nesterov)
    return _rate(section.friction)


def _rate(given: float | str) -> Rate:
    return _function(given) if isinstance(given, str) else float(given)


def _function(target: str) -> Callable:
    function = load_target(target)
    if not callable(function):
        raise TargetError(
            f"{target} must be a function of time; it is {type(function).__name__}"
        )
    return function


def _potential(given: float | str) -> Any:
    return given if isinstance(given, str) else PNorm(float(given))
