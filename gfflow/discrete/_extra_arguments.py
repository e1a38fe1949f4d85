"""One update of an Optax transformation, with the extra arguments that it takes."""

import inspect
from collections.abc import Mapping
from typing import Any

import optax

from .._errors import SolveError
from .._typing import Parameters


def updated(
    transformation: optax.GradientTransformation,
    gradient: Parameters,
    state: Any,
    parameters: Parameters,
    extra: Mapping[str, Any],
) -> tuple[Parameters, Any]:
    """(update, state) after a step.

    Optax's line searches take the loss and refuse a `grad_fn`; `optax.contrib.sam`
    takes `grad_fn` alone. What a transformation takes is read off its signature; that
    of a chain says nothing of its members, so it is offered one set after the other.

    **Arguments:**

    - `extra`: all that there is, `grad_fn` included.

    **Raises:** `SolveError` for a transformation that fails with each of these.
    """
    first = None
    for offer in _offers(transformation.update, extra):
        try:
            return transformation.update(gradient, state, parameters, **offer)
        except (TypeError, ValueError) as error:
            first = first or error
    raise SolveError(
        "the optimiser cannot make a step with its gradient, state, parameters and "
        f"{', '.join(extra)}: {type(first).__name__}: {first}"
    ) from first


def _offers(function: Any, extra: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    taken = inspect.signature(function).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        search = {name: value for name, value in extra.items() if name != "grad_fn"}
        return [search, extra, {"grad_fn": extra["grad_fn"]}, {}]
    return [{name: value for name, value in extra.items() if name in taken}]
