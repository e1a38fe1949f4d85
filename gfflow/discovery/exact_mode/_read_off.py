"""The exact parametrisation of a problem's model, read off its layers."""

import jax.tree_util as jtu
import numpy as np

from ..._errors import DiscoveryError
from ...flows import AbstractFlow
from ...laws import Chain, chains, homogeneity, is_linear
from ...problem import Problem, named_parameters
from ..exact import Parametrisation, families
from ..polynomials import Layout, Polynomial
from ..subject import cotangents_of
from ._flow import metric_of

_ZERO = 1e-8


def parametrisation_of(problem: Problem, flow: AbstractFlow) -> Parametrisation:
    """φ of a chain of `Linear` layers: linear, or homogeneous activations.

    Its laws are those of the family, with the column sums of the last layer where the
    loss sees only differences of outputs; a mirror flow's are searched for.

    **Raises:** `DiscoveryError` for a model that is no such chain, parameters that do
    not all train at one rate, or a loss with other cotangents.
    """
    chain = _only_chain(problem)
    widths, biases = _widths(problem, chain)
    found = _family(problem, chain, widths, biases)
    found = _renamed(found, problem, chain)
    if _contrasts_only(problem, widths[-1]):
        if len(widths) > 2:
            found = _contrasts(found, chain)
    elif len(widths) == 2:
        raise DiscoveryError(
            "exact mode: a single linear layer has laws under softmax cross-entropy "
            "only; leave `exact` out"
        )
    metric = metric_of(flow, found.layout)
    if metric.any():
        found = Parametrisation(
            found.name, found.layout, found.coordinates, metric=metric
        )
    return found


def _only_chain(problem: Problem) -> Chain:
    every = chains(problem.model)
    names = problem.parameter_names
    used = {
        path
        for chain in every
        for layer in chain.layers
        for path in (layer.weight, layer.bias)
        if path is not None
    }
    if len(every) != 1 or not every[0].output or used != set(names):
        raise DiscoveryError(
            "exact mode reads chains of Linear layers that are the whole model and all "
            f"train; this one has {len(every)} and the parameters {', '.join(names)}. "
            "Leave `exact` out, or give a Parametrisation"
        )
    rates = jtu.tree_leaves(problem.time_scale)
    scale = np.concatenate([np.ravel(rate) for rate in rates])
    if np.any(scale != scale[0]):
        raise DiscoveryError("exact mode is for parameters of one rate (time_scale)")
    return every[0]


def _widths(problem: Problem, chain: Chain) -> tuple[list[int], list[bool]]:
    arrays = named_parameters(problem.parameters)
    shapes = [arrays[layer.weight].shape for layer in chain.layers]
    widths = [shapes[0][1], *(shape[0] for shape in shapes)]
    return widths, [layer.bias is not None for layer in chain.layers]


def _family(problem, chain: Chain, widths, biases) -> Parametrisation:
    *hidden, last = [layer.activation for layer in chain.layers]
    if not is_linear(last):
        raise DiscoveryError("exact mode: the last layer must be linear")
    if len(widths) == 2:
        return families.softmax(*widths, bias=biases[0])
    degrees = {homogeneity(activation) for activation in hidden}
    if len(set(biases[:-1])) > 1:
        raise DiscoveryError(
            "exact mode: the hidden layers have all a bias, or none has"
        )
    if all(is_linear(activation) for activation in hidden):
        return families.linear(widths, biases[0], output_bias=biases[-1])
    if degrees == {1.0} and not any(map(is_linear, hidden)):
        return families.relu(widths, biases[0], output_bias=biases[-1])
    degree = next(iter(degrees)) if len(degrees) == 1 else None
    if len(widths) == 3 and degree and degree.is_integer() and not biases[-1]:
        inputs, units, outputs = widths
        return families.homogeneous(inputs, units, outputs, int(degree), bias=biases[0])
    raise DiscoveryError(
        "exact mode knows hidden activations that are all linear, all homogeneous of "
        "degree 1, or one of a whole degree without a bias after it; their degrees are "
        f"{sorted(map(str, degrees))}. Leave `exact` out, or give a Parametrisation"
    )


def _renamed(found: Parametrisation, problem, chain: Chain) -> Parametrisation:
    """With the paths of the model, in the family's own order of entries."""
    if len(chain.layers) == 2 and found.layout.names[:2] == ("V", "U"):
        paths = {"V": chain.layers[0].weight, "U": chain.layers[1].weight}
        paths["b"] = chain.layers[0].bias or ""
    elif len(chain.layers) == 1:
        paths = {"W": chain.layers[0].weight, "b": chain.layers[0].bias or ""}
    else:
        paths = {f"W{k}": layer.weight for k, layer in enumerate(chain.layers, 1)}
        paths |= {f"b{k}": layer.bias or "" for k, layer in enumerate(chain.layers, 1)}
    names = tuple(paths[name] for name in found.layout.names)
    return Parametrisation(
        found.name,
        Layout(names, found.layout.shapes),
        found.coordinates,
        laws=found.laws,
        rotations=found.rotations,
    )


def _contrasts_only(problem: Problem, outputs: int) -> bool:
    """Whether the cotangents are those that sum to 0, and not all there are."""
    span = cotangents_of(problem)
    if span is not None and len(span) == outputs:
        return False
    sums_to_zero = span is not None and np.all(np.abs(span.sum(axis=1)) <= _ZERO)
    if span is None or len(span) != outputs - 1 or not sums_to_zero:
        raise DiscoveryError(
            "exact mode: the loss must see every direction of the output (mse), or its "
            "differences (softmax cross-entropy)"
        )
    return True


def _contrasts(found: Parametrisation, chain: Chain) -> Parametrisation:
    """Each coordinate less the same with its output moved to the last one.

    The differences span the combinations of coordinates with Σ_o M_o = 0. The column
    sums of the last layer are then laws too: in each coordinate an entry of that layer
    is replaced by another one of its column.
    """
    last = chain.layers[-1]
    moved = np.arange(found.size)
    laws = list(found.laws)
    for path in (last.weight, last.bias):
        if path is None:
            continue
        place = found.layout.names.index(path)
        start, shape = found.layout.offsets[place], found.layout.shapes[place]
        numbers = start + np.arange(int(np.prod(shape))).reshape(shape[0], -1)
        moved[numbers] = numbers[-1]
        laws += [Polynomial({(int(i),): 1 for i in column}) for column in numbers.T]
    coordinates = found.coordinates.less_moved(moved)
    return Parametrisation(found.name, found.layout, coordinates, laws=laws)
