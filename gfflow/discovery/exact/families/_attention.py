"""Attention, and the softmax layer that ends a classifier."""

from itertools import combinations, combinations_with_replacement

import numpy as np

from ...polynomials import Layout, Polynomial
from .._parametrisation import Parametrisation
from .._table import Table, Terms
from ._paths import checked, entry_numbers, inner_product, turn


def attention(dimension: int, width: int, heads: int = 1) -> Parametrisation:
    """φ = Q_hᵀK_h and O_hᵀV_h of each head; arrays (heads, dimension, width).

    Laws: QQᵀ − KKᵀ and VVᵀ − OOᵀ of each head (Marcotte et al. 2025, arXiv 2506.06194,
    Corollary 3.9).

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    checked("attention", dimension=dimension, width=width, heads=heads)
    layout = Layout(("Q", "K", "V", "O"), ((heads, dimension, width),) * 4)
    numbers = entry_numbers(layout)
    number = heads * width * width
    shape = (heads, dimension, width, width)
    owner = np.arange(number).reshape(heads, 1, width, width)
    terms, laws, rotations = [], [], []
    for part, (x, y) in enumerate((numbers[:2], numbers[:1:-1])):
        pairs = [np.broadcast_to(z, shape) for z in (x[..., None], y[:, :, None])]
        owners = np.broadcast_to(owner + part * number, shape).ravel()
        ones = np.ones(len(owners), int)
        terms.append(Terms(owners, ones, np.stack(pairs, axis=-1).reshape(-1, 2)))
        for left, right in zip(x, y):
            for a, b in combinations_with_replacement(range(dimension), 2):
                laws.append(
                    inner_product((1, left[a], left[b]), (-1, right[a], right[b]))
                )
            for a, b in combinations(range(dimension), 2):
                rotations.append(turn((1, left[a], left[b]), (1, right[a], right[b])))
    return Parametrisation(
        f"attention ({dimension}, {width}), {heads} heads",
        layout,
        Table(2 * number, terms),
        laws=laws,
        rotations=rotations,
    )


def softmax(inputs: int, outputs: int, bias: bool = False) -> Parametrisation:
    """softmax(θx + b) with cross-entropy. φ: each row of (θ, b) less the last.

    The cotangents of the logits sum to 0, so only differences of rows count. Laws: the
    column sums (Marcotte et al. 2025, Proposition 3.11).

    **Raises:** `DiscoveryError` for a size that is not positive, or one output, whose
    loss is constant.
    """
    checked("softmax", inputs=inputs, outputs=outputs, **{"outputs - 1": outputs - 1})
    shapes = ((outputs, inputs), (outputs,))[: 1 + bias]
    layout = Layout(("W", "b")[: 1 + bias], shapes)
    numbers = [x.reshape(outputs, -1) for x in entry_numbers(layout)]
    columns = np.concatenate(numbers, axis=1)
    coordinates = [
        Polynomial({(int(i),): 1, (int(last),): -1})
        for row in columns[:-1]
        for i, last in zip(row, columns[-1])
    ]
    laws = [Polynomial({(int(i),): 1 for i in column}) for column in columns.T]
    name = f"softmax ({inputs}, {outputs}){' with bias' if bias else ''}"
    return Parametrisation(name, layout, coordinates, laws=laws)
