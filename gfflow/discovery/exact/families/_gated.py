"""Gated units."""

import numpy as np

from ...polynomials import Layout
from .._parametrisation import Parametrisation
from .._table import Table
from ._paths import checked, entry_numbers, inner_product, monomials


def swiglu(inputs: int, hidden: int, outputs: int) -> Parametrisation:
    """A (silu(Bx) ∘ Cx), A (outputs, hidden), B and C (hidden, inputs).

    φ: A_oj C_jk, and each entry of B.

    **Proof.** The functions silu(B_j x) x_k and silu'(B_j x) x_k x_l of x are linearly
    independent at generic B, so their moments p_ojk and q_ojkl = q_ojlk against the
    cotangents are arbitrary. p gives the gradients of A_oj C_jk; q gives in the row B_j
    the vectors A_oj (C_jk e_l + C_jl e_k), which span the row at generic A, C. So W is
    that of φ near a generic θ.

    Laws: ‖A[:, j]‖² − ‖C[j, :]‖².

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    checked("swiglu", inputs=inputs, hidden=hidden, outputs=outputs)
    layout = Layout(
        ("A", "B", "C"), ((outputs, hidden), (hidden, inputs), (hidden, inputs))
    )
    out, gate, into = entry_numbers(layout)
    products = np.stack(
        np.broadcast_arrays(out[:, :, None], into[None]), axis=-1
    ).reshape(-1, 2)
    terms = [monomials(products, 0), monomials(gate.reshape(-1, 1), len(products))]
    laws = [
        inner_product((1, out[:, j], out[:, j]), (-1, into[j], into[j]))
        for j in range(hidden)
    ]
    return Parametrisation(
        f"swiglu ({inputs}, {hidden}, {outputs})",
        layout,
        Table(len(products) + gate.size, terms),
        laws=laws,
    )
