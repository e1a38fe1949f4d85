"""Linear networks x ↦ W_L ⋯ W_1 x."""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np

from .._parametrisation import Parametrisation
from .._table import Table, Terms
from ._paths import (
    biased_layout,
    checked_widths,
    inner_product,
    paths,
    turn,
)


def linear(
    widths: Sequence[int],
    bias: bool | Sequence[bool] = False,
    *,
    output_bias: bool | None = None,
) -> Parametrisation:
    """φ = W_L ⋯ W_1, and with biases Σ_l W_L ⋯ W_{l+1} b_l, for widths (input, hidden,
    …, output).

    Laws: W_lW_lᵀ + b_lb_lᵀ − W_{l+1}ᵀW_{l+1} (Marcotte et al. 2023, Proposition 4.1; a
    bias is the weight of an input that is 1).

    **Arguments:**

    - `bias`: whether the hidden layers have one, or each of them.
    - `output_bias`: whether the last layer has a bias; by default if all others have.

    **Raises:** `DiscoveryError` for widths that are no network.
    """
    widths = checked_widths("linear", widths)
    layout, weights, biases = biased_layout(widths, bias, output_bias)
    count = widths[0] * widths[-1]
    terms = [_terms(weights, widths, 0)]
    for layer, entries in biases.items():
        own = [entries[:, None], *weights[layer + 1 :]]
        terms.append(_terms(own, [1, *widths[layer + 1 :]], count))
    laws, rotations = [], []
    for layer, (into, out) in enumerate(zip(weights, weights[1:])):
        if layer in biases:
            into = np.concatenate([into, biases[layer][:, None]], axis=1)
        scalar = into.shape[1] == out.shape[0] == 1
        for a, b in combinations_with_replacement(range(len(into)), 2):
            law = inner_product((1, into[a], into[b]), (-1, out[:, a], out[:, b]))
            laws.append(law)
        for a, b in combinations(range(len(into)), 2):
            rotations.append(turn((1, into[a], into[b]), (1, out[:, a], out[:, b])))
            if scalar:
                rotations.append(_mixed(into[:, 0], out[0], a, b))
    name = f"linear {tuple(widths)}{' with bias' if biases else ''}"
    total = count + (widths[-1] if biases else 0)
    return Parametrisation(
        name, layout, Table(total, terms), laws=laws, rotations=rotations
    )


def _terms(weights, widths, first: int) -> Terms:
    """A product of matrices: the entry (o, i) is coordinate first + o·inputs + i."""
    entries = paths(weights)
    units = np.indices(widths).reshape(len(widths), -1)
    owner = first + units[-1] * widths[0] + units[0]
    return Terms(owner, np.ones(len(owner), int), entries)


def _mixed(u, v, a: int, b: int):
    """Between two layers of width 1, φ depends on 4 Σ u_k v_k = Σ (u_k + v_k)² −
    (u_k − v_k)²: u + v and u − v turn separately. Both turning alike is the hidden
    layer's turn, and this is the turn of opposite ways.
    """
    return turn((1, u[a], v[b]), (1, v[a], u[b]))
