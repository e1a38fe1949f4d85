"""The exact parametrisation of a problem's model, read off its gradients."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from ..._errors import DiscoveryError
from ...flows import AbstractFlow
from ...problem import Problem
from ..exact import Parametrisation, families
from ..polynomials import Layout, Polynomial
from ..subject import FlatLoss, cotangents_of
from ._compare import ModelComparison, compare
from ._flow import metric_of
from ._gradients import ModelGradients
from ._hypothesis import Hypothesis, hypothesis
from ._layer_order import LayerOrder, orders
from ._trained import trained_arrays

_ZERO, _MOST = 1e-8, 24
_OR_ELSE = "leave `exact` out, or give exact=Parametrisation"


def parametrisation_of(
    problem: Problem, flow: AbstractFlow, seed: int
) -> tuple[Parametrisation, ModelComparison]:
    """φ of a chain of layers, and how it compares with the model.

    The order of the layers is guessed from the gradients (`hypothesis`), whatever the
    model is made of, and φ is that of the family; the first guess that agrees with the
    model (`compare`) is taken. Its laws are those of the family, with the column sums
    of the last layer where the loss sees only differences of outputs; a mirror flow's
    are searched for.

    **Raises:** `DiscoveryError` for a model that is no such chain, parameters that do
    not all train at one rate, or a loss with other cotangents.
    """
    order = trained_arrays(problem)
    metric = metric_of(flow, order)
    contrasts = _contrasts_only(problem)
    model = ModelGradients(problem, metric > 0, seed)
    guess, refused = hypothesis(problem), ""
    for found in _readings(problem, order, guess, contrasts):
        comparison = compare(model, found, order)
        if not comparison.refusal:
            found = found.under(metric) if metric.any() else found
            return found, comparison
        refused = refused or f"{found.name}, but {comparison.refusal}"
    if refused:
        raise DiscoveryError(
            f"exact mode: by its gradients the model looks like {refused}; {_OR_ELSE}"
        )
    raise DiscoveryError(
        "exact mode reads chains of linear layers whose hidden units are linear, or "
        "all homogeneous of degree 1, or one layer of a higher degree, and a single "
        "linear layer under softmax cross-entropy. The gradients show no chain that "
        f"each array is part of, once: {_alone(order, guess)}; {_OR_ELSE}"
    )


def _alone(order: Layout, guess: Hypothesis) -> str:
    """Which arrays are in the way of a chain."""
    if guess.still:
        return f"there is no gradient for {', '.join(guess.still)}"
    many = [path for path, shape in zip(order.names, order.shapes) if len(shape) > 2]
    if many:
        return f"{', '.join(many)} have more than two axes"
    linked = {array for link in guess.links for array, _ in (*link.into, link.out)}
    alone = [path for path in order.names if path not in linked]
    if not alone:
        return f"{', '.join(order.names)} do not follow one another"
    return (
        f"no axis of {', '.join(alone)} shares its units with that of another array, "
        "as linear and homogeneous activations would have it"
    )


def _readings(
    problem: Problem, order: Layout, guess: Hypothesis, contrasts: bool
) -> Iterator[Parametrisation]:
    """φ of each chain that the arrays may be, those first that end like the model."""
    shapes = dict(zip(order.names, order.shapes))
    outputs = FlatLoss.of(problem).prediction.size
    found = list(islice(orders(shapes, guess.links), _MOST))
    found.sort(key=lambda chain: chain.widths(shapes)[-1] != outputs)
    for chain in found:
        widths = chain.widths(shapes)
        if contrasts and widths[-1] != outputs:
            continue
        for family in _families(chain, widths, guess, contrasts):
            placed = family.placed(order, _place(family, chain, order))
            deep = contrasts and len(widths) > 2
            yield _contrasts(placed, chain, order) if deep else placed


def _families(
    chain: LayerOrder, widths: list[int], guess: Hypothesis, contrasts: bool
) -> Iterator[Parametrisation]:
    """Linear and ReLU, the likelier one first; or of a higher degree."""
    *hidden, last = [bias is not None for bias in chain.biases]
    if len(widths) == 2:
        if contrasts and widths[1] > 1:
            yield families.softmax(*widths, bias=last)
        return
    links = [link for link in chain.links if link is not None]
    plain = [families.linear, families.relu]
    if not all(link.linear for link in links):
        plain.reverse()
    if all(link.degree == 1 for link in links):
        for family in plain:
            yield family(widths, hidden, output_bias=last)
    if len(widths) == 3:
        inputs, units, outputs = widths
        degrees = [link.degree for link in links] or guess.degrees
        for degree in degrees:
            if degree > 1:
                yield families.homogeneous(
                    inputs, units, outputs, degree, hidden[0], output_bias=last
                )


def _place(family: Parametrisation, chain: LayerOrder, order: Layout) -> np.ndarray:
    """Of each entry of a family its number in the model."""
    numbers = _numbers(order)
    found = {}
    for layer, (weight, bias) in enumerate(zip(chain.weights, chain.biases), start=1):
        entries = chain.matrix(layer - 1, numbers[weight.array])
        found |= {f"W{layer}": entries, "W": entries}
        if bias is not None:
            found |= {f"b{layer}": numbers[bias], "b": numbers[bias]}
    return np.concatenate([np.ravel(found[name]) for name in family.layout.names])


def _numbers(order: Layout) -> dict[str, np.ndarray]:
    """For each array, the flat index of each of its entries."""
    each = zip(order.names, order.offsets, order.sizes, order.shapes)
    return {
        name: offset + np.arange(size).reshape(shape)
        for name, offset, size, shape in each
    }


def _contrasts_only(problem: Problem) -> bool:
    """Whether the cotangents are those that sum to 0, and not all there are."""
    span = cotangents_of(problem)
    if span is not None and len(span) == span.shape[1]:
        return False
    sums_to_zero = span is not None and np.all(np.abs(span.sum(axis=1)) <= _ZERO)
    if span is None or len(span) != span.shape[1] - 1 or not sums_to_zero:
        raise DiscoveryError(
            "exact mode: the loss must see every direction of the output (mse), or its "
            "differences (softmax cross-entropy)"
        )
    return True


def _contrasts(
    found: Parametrisation, chain: LayerOrder, order: Layout
) -> Parametrisation:
    """Each coordinate less the same with its output moved to the last one.

    The differences span the combinations of coordinates with Σ_o M_o = 0. The column
    sums of the last layer are then laws too: in each coordinate an entry of that layer
    is replaced by another one of its column.
    """
    numbers, last = _numbers(order), len(chain.weights) - 1
    moved = np.arange(found.size)
    laws = list(found.laws)
    of_last = [chain.matrix(last, numbers[chain.weights[last].array])]
    bias = chain.biases[last]
    if bias is not None:
        of_last.append(numbers[bias].reshape(-1, 1))
    for entries in of_last:
        moved[entries] = entries[-1]
        laws += [Polynomial({(int(i),): 1 for i in column}) for column in entries.T]
    return Parametrisation(
        found.name,
        found.layout,
        found.coordinates.less_moved(moved),
        laws=laws,
        rotations=found.rotations,
    )
