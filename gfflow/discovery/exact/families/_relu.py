"""Networks with an activation that is homogeneous: ReLU, and powers of it."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from math import comb

import numpy as np

from ...._errors import DiscoveryError
from .._parametrisation import Parametrisation
from .._table import Table
from ._paths import (
    MOST_TERMS,
    biased_layout,
    checked,
    checked_widths,
    inner_product,
    monomials,
    paths,
)


def relu(
    widths: Sequence[int],
    bias: bool | Sequence[bool] = False,
    *,
    output_bias: bool | None = None,
) -> Parametrisation:
    """φ: the product along each path from an input or a bias to an output.

    It is right where every pattern of active units is met by the data; a network with
    one input and no bias has more laws (units whose weights share a sign are a linear
    network).

    Laws: ‖W_{l+1}[:, k]‖² − ‖W_l[k, :]‖² − b_l[k]² (Marcotte et al. 2023,
    Proposition 4.1).

    **Arguments:**

    - `bias`: whether the hidden layers have one, or each of them.
    - `output_bias`: whether the last layer has a bias; by default if all others have.

    **Raises:** `DiscoveryError` for widths that are no network, or too many paths.
    """
    widths = checked_widths("relu", widths)
    depth = len(widths) - 1
    layout, weights, biases = biased_layout(widths, bias, output_bias)
    groups = [paths(weights)]
    for layer, entries in biases.items():
        groups.append(paths([entries[:, None], *weights[layer + 1 :]]))
    terms, count = [], 0
    for group in groups:
        terms.append(monomials(group, count))
        count += len(group)
    laws = []
    for layer in range(depth - 1):
        for unit in range(widths[layer + 1]):
            into = weights[layer][unit]
            if layer in biases:
                into = np.append(into, biases[layer][unit])
            out = weights[layer + 1][:, unit]
            laws.append(inner_product((1, out, out), (-1, into, into)))
    name = f"relu {tuple(widths)}{' with bias' if biases else ''}"
    return Parametrisation(name, layout, Table(count, terms), laws=laws)


def homogeneous(
    inputs: int,
    hidden: int,
    outputs: int,
    degree: int,
    bias: bool = False,
    *,
    output_bias: bool = False,
) -> Parametrisation:
    """W₂ σ(W₁x + b₁) + b₂, σ(z) = max(z, 0)^degree; φ: an entry of W₂ times a monomial
    of that degree of a row of (W₁, b₁), and the entries of b₂.

    Laws: degree·‖W₂[:, k]‖² − ‖W₁[k, :]‖² − b₁[k]².

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    checked("homogeneous", inputs=inputs, hidden=hidden, outputs=outputs, degree=degree)
    number = outputs * hidden * comb(inputs + bias + degree - 1, degree)
    if number > MOST_TERMS:
        raise DiscoveryError(
            f"exact mode is for at most {MOST_TERMS} monomials; got {number}"
        )
    layout, (first, last), biases = biased_layout(
        (inputs, hidden, outputs), bias, output_bias
    )
    columns = [first, *([biases[0][:, None]] if bias else [])]
    into = np.concatenate(columns, axis=1)
    chosen = combinations_with_replacement(range(into.shape[1]), degree)
    powers = into[:, np.array(list(chosen))]
    out = np.broadcast_to(last.T[:, None, :], (*powers.shape[:2], outputs))
    powers = np.broadcast_to(powers[:, :, None], (*out.shape, degree))
    entries = np.concatenate([out[..., None], powers], axis=3).reshape(-1, degree + 1)
    terms, count = [monomials(entries, 0)], len(entries)
    if output_bias:
        terms.append(monomials(biases[1][:, None], count))
        count += outputs
    laws = [inner_product((degree, u, u), (-1, v, v)) for u, v in zip(last.T, into)]
    return Parametrisation(
        f"homogeneous ({inputs}, {hidden}, {outputs}) of degree {degree}"
        f"{' with bias' if biases else ''}",
        layout,
        Table(count, terms),
        laws=laws,
    )
