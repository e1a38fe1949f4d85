"""Parts whose config keys are those of their signature."""

import inspect
import math
from typing import Any

from ..._errors import ConfigError
from ..._registry import lookup, suggest
from ..config import Config, OpenPart, parameters_of
from ._where import Where


def completed(config: Config, where: Where) -> Config:
    """The config with every default of the parts whose keys are their signature's.

    **Raises:** `ConfigError` for keys that such a part does not have, or that it needs
    and that are not there, all at once.
    """
    problems: list[str] = []

    def filled(section: Any, key: str, registered: str, *offered: str) -> Any:
        if not isinstance(section, OpenPart):
            return section
        parameters = parameters_of(lookup(registered, section.kind))
        if parameters is None:
            return section
        shared = type(section).model_fields
        known = {k: p for k, p in parameters.items() if k not in (*offered, *shared)}
        given = section.__pydantic_extra__
        for name in given:
            if name not in known:
                text = f"unknown key{suggest(name, known)}; known keys: "
                text += ", ".join([*shared, *known])
                problems.append(f"{where(f'{key}.{name}')}: {text}")
        for name, parameter in known.items():
            if parameter.default is inspect.Parameter.empty and name not in given:
                text = "this key is required"
                problems.append(f"{where(f'{key}.{name}')}: {text}")
        defaults = {k: p.default for k, p in known.items() if _is_plain(p.default)}
        return section.filled(defaults)

    problem = config.problem
    model = filled(problem.model, "problem.model", "models", "key")
    data = filled(problem.data, "problem.data", "data")
    flow = filled(config.flow, "flow", "flows")
    if problems:
        raise ConfigError(problems)
    problem = problem.model_copy(update={"model": model, "data": data})
    return config.model_copy(update={"problem": problem, "flow": flow})


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_plain(entry) for entry in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)
