"""From `[problem]` to a problem."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu

from ..._errors import GFFlowError
from ...problem import Problem
from ..config import (
    DataPart,
    Part,
    ProblemSection,
    TargetPart,
    call_registered,
    call_target,
    load_target,
)
from ._where import Where, at


def build_problem(
    section: ProblemSection, seed: int, precision: str, where: Where = str
) -> Problem:
    """The model, the loss and the data.

    **Arguments:**

    - `seed`: of the model's first parameters.
    - `precision`: their dtype.

    **Raises:** `ConfigError` for a part that cannot be made or does not fit.
    """
    loss = section.loss
    if ":" in loss:
        with at(where, "problem.loss"):
            loss = load_target(section.loss)
    with at(where, "problem.data", section.data):
        x, y, *weights = _data(section.data, section.loss)
    with at(where, "problem.model", section.model):
        model = _model(section.model, seed, precision)
    with at(where, "problem", section):
        return Problem(
            model,
            loss,
            (x, y),
            weights=weights[0] if weights else None,
            trainable=section.trainable,
            chunk=section.chunk,
            time_scale=section.time_scale,
        )


def _data(section: DataPart | TargetPart, loss: str) -> tuple[Any, ...]:
    if not isinstance(section, TargetPart):
        return call_registered("data", section.kind, section.options_for(loss))
    data = call_target(section.target, section.arguments)
    if not isinstance(data, tuple | list) or len(data) not in (2, 3):
        raise GFFlowError(
            f"{section.target} must return (inputs, targets) or (inputs, targets, "
            f"weights); it returned {type(data).__name__}"
        )
    return tuple(data)


def _model(section: Part, seed: int, precision: str) -> Any:
    key = jax.random.key(seed)
    if isinstance(section, TargetPart):
        model = call_target(section.target, section.arguments, key=key)
        if not callable(model):
            raise GFFlowError(
                f"{section.target} must return a model, called on one sample; it "
                f"returned {type(model).__name__}"
            )
    else:
        model = call_registered("models", section.kind, section.options(), key=key)
    dtype = jnp.dtype(precision)
    cast = lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x
    return jtu.tree_map(cast, model)
