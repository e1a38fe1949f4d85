"""Mirror flows that keep parameters positive."""

import numpy as np

from ...polynomials import Layout, Polynomial
from .._parametrisation import Parametrisation
from .._table import Table, Terms
from ._paths import checked, entry_numbers, monomials


def nmf(rows: int, columns: int, rank: int) -> Parametrisation:
    """Non-negative matrix factorisation φ = UVᵀ, entropy metric on U and V.

    Laws: Σ_i U_ik − Σ_j V_jk (Marcotte et al. 2024, §4.2.1); for a 1 × 1 matrix there
    are others.

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    checked("nmf", rows=rows, columns=columns, rank=rank)
    layout = Layout(("U", "V"), ((rows, rank), (columns, rank)))
    u, v = entry_numbers(layout)
    pairs = np.stack(np.broadcast_arrays(u[:, None], v[None]), axis=-1).reshape(-1, 2)
    owner = np.repeat(np.arange(rows * columns), rank)
    laws = [
        Polynomial({(int(i),): 1 for i in u[:, k]} | {(int(j),): -1 for j in v[:, k]})
        for k in range(rank)
    ]
    return Parametrisation(
        f"nmf ({rows}, {columns}), rank {rank}",
        layout,
        Table(rows * columns, [Terms(owner, np.ones(len(owner), int), pairs)]),
        metric=np.ones(layout.size, int),
        laws=laws,
    )


def icnn(inputs: int, hidden: int, outputs: int, bias: bool = True) -> Parametrisation:
    """U relu(Vx + b), convex in x while U ≥ 0: entropy metric on U, Euclidean on V, b.

    φ: U_ok V_kj and U_ok b_k. Laws: Σ_o U_ok − ½(‖v_k‖² + b_k²) (Marcotte et al. 2024,
    §4.2.2), times 2.

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    checked("icnn", inputs=inputs, hidden=hidden, outputs=outputs)
    names, shapes = ("U", "V", "b"), ((outputs, hidden), (hidden, inputs), (hidden,))
    layout = Layout(names[: 2 + bias], shapes[: 2 + bias])
    u, *into = (x.reshape(x.shape[0], -1) for x in entry_numbers(layout))
    into = np.concatenate(into, axis=1)
    pairs = np.stack(np.broadcast_arrays(u[:, :, None], into[None]), axis=-1).reshape(
        -1, 2
    )
    metric = np.zeros(layout.size, int)
    metric[u] = 1
    laws = [
        Polynomial(
            {(int(i),): 2 for i in u[:, k]} | {(int(j),) * 2: -1 for j in into[k]}
        )
        for k in range(hidden)
    ]
    return Parametrisation(
        f"icnn ({inputs}, {hidden}, {outputs}){' with bias' if bias else ''}",
        layout,
        Table(len(pairs), [monomials(pairs, 0)]),
        metric=metric,
        laws=laws,
    )
