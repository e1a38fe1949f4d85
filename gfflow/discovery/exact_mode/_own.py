"""A user's own φ of a problem's model."""

import numpy as np

from ..._errors import DiscoveryError
from ..._registry import suggest
from ...flows import AbstractFlow
from ...problem import Problem, aliases, parse_path
from ..exact import Parametrisation
from ..polynomials import Layout
from ._compare import ModelComparison, compare
from ._flow import metric_of
from ._gradients import ModelGradients
from ._trained import trained_arrays


def own_parametrisation(
    problem: Problem, flow: AbstractFlow, given: Parametrisation, seed: int
) -> tuple[Parametrisation, ModelComparison]:
    """φ with the paths of the model and the metric of the flow, and how it compares
    with the model (`compare`).

    An array of φ is the parameter of this path; or of this short name, `W1` and `b1` of
    the first weight and its bias; or the only one whose path ends in this name, as `Q`
    of `heads['Q']`. Order and shapes never decide.

    **Raises:** `DiscoveryError` where names or shapes do not fit, arrays are left over
    on either side, the metric is not that of the flow, or the model is no function of φ
    or sees less than it.
    """
    order = trained_arrays(problem)
    layout = _named(given, order)
    metric = metric_of(flow, layout)
    if given.metric.any() and np.any(given.metric != metric):
        raise DiscoveryError(
            f"{type(flow).__name__} has another metric than {given.name}; leave the "
            "metric of φ out, or give the flow that has it"
        )
    found = given.placed(layout, np.arange(layout.size)).under(metric)
    model = ModelGradients(problem, metric_of(flow, order) > 0, seed)
    comparison = compare(model, found, order)
    if comparison.refusal:
        raise DiscoveryError(
            f"exact mode: the model is compared with {given.name}, but "
            f"{comparison.refusal}"
        )
    return found, comparison


def _named(given: Parametrisation, order: Layout) -> Layout:
    """The layout of φ with the paths of the model."""
    shapes = dict(zip(order.names, order.shapes))
    known = aliases(order.names) | {path: path for path in shapes}
    paths = []
    for name, shape in zip(given.layout.names, given.layout.shapes):
        ends = [path for path in shapes if (parse_path(path) or ("",))[-1] == name]
        path = known.get(name) or (ends[0] if len(ends) == 1 else None)
        if path is None:
            raise DiscoveryError(
                f"{given.name}: {len(ends)} parameters of the model are called "
                f"{name!r}{suggest(name, list(shapes))}; there are: "
                f"{', '.join(shapes)}. Say which is which: "
                "φ.renamed({'name': 'path', ...})"
            )
        if shapes[path] != shape:
            raise DiscoveryError(
                f"{given.name}: {name} has the shape {shape}, and the parameter {path} "
                f"of the model {shapes[path]}"
            )
        paths.append(path)
    if sorted(paths) != sorted(order.names):
        left = sorted(set(order.names) - set(paths)) or paths
        raise DiscoveryError(
            f"{given.name} has each parameter of the model as one array; "
            f"{', '.join(left)} {'is' if len(left) == 1 else 'are'} left over"
        )
    return Layout(tuple(paths), given.layout.shapes)
