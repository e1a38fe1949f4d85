"""Linear networks x ↦ W_L ⋯ W_1 x."""

from collections.abc import Sequence
from itertools import combinations, combinations_with_replacement

import numpy as np

from .._parametrisation import Parametrisation
from .._table import Table, Terms
from ._paths import (
    checked_widths,
    entry_numbers,
    inner_product,
    paths,
    turn,
    weight_layout,
)


def linear(widths: Sequence[int]) -> Parametrisation:
    """φ = W_L ⋯ W_1, for widths (input, hidden, …, output).

    Laws: W_lW_lᵀ − W_{l+1}ᵀW_{l+1} (Marcotte et al. 2023, Proposition 4.1).

    **Raises:** `DiscoveryError` for widths that are no network.
    """
    widths = checked_widths("linear", widths)
    layout = weight_layout(widths)
    weights = entry_numbers(layout)
    entries = paths(weights)
    units = np.indices(widths).reshape(len(widths), -1)
    owner = units[-1] * widths[0] + units[0]
    terms = Terms(owner, np.ones(len(owner), int), entries)
    laws, rotations = [], []
    for into, out in zip(weights, weights[1:]):
        scalar = into.shape[1] == out.shape[0] == 1
        for a, b in combinations_with_replacement(range(len(into)), 2):
            law = inner_product((1, into[a], into[b]), (-1, out[:, a], out[:, b]))
            laws.append(law)
        for a, b in combinations(range(len(into)), 2):
            rotations.append(turn((1, into[a], into[b]), (1, out[:, a], out[:, b])))
            if scalar:
                rotations.append(_mixed(into[:, 0], out[0], a, b))
    return Parametrisation(
        f"linear {tuple(widths)}",
        layout,
        Table(widths[0] * widths[-1], [terms]),
        laws=laws,
        rotations=rotations,
    )


def _mixed(u, v, a: int, b: int):
    """Between two layers of width 1, φ depends on 4 Σ u_k v_k = Σ (u_k + v_k)² −
    (u_k − v_k)²: u + v and u − v turn separately. Both turning alike is the hidden
    layer's turn, and this is the turn of opposite ways.
    """
    return turn((1, u[a], v[b]), (1, v[a], u[b]))
