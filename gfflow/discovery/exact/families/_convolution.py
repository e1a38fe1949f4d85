"""Two one-dimensional convolutions."""

from itertools import combinations, combinations_with_replacement

import numpy as np

from ...polynomials import Layout
from .._parametrisation import Parametrisation
from .._table import Table, Terms
from ._paths import checked, entry_numbers, inner_product, monomials, turn


def convolution(
    inputs: int,
    hidden: int,
    outputs: int,
    kernels: tuple[int, int] = (3, 3),
    *,
    relu: bool = False,
) -> Parametrisation:
    """W2 * σ(W1 * x), W1 (hidden, inputs, kernel), W2 (outputs, hidden, kernel).

    φ linear: the kernels Σ_k W2[o, k] * W1[k, i]; φ ReLU: each W2[o, k, s] W1[k, i, t].

    Laws: Σ W1[k]·W1[l] − Σ W2[:, k]·W2[:, l]; ReLU: k = l only (Marcotte et al. 2025,
    Proposition 3.6). Linear with one channel in and out and equal kernels: also
    W1[k]·W2[l] − W1[l]·W2[k].

    **Proof** of the last. φ = Σ a_k * b_k, and * commutes: a_k += s b_l, a_l −= s b_k
    leaves φ as it is, and so does b_l += s a_k, b_k −= s a_l. The sum of both is the
    gradient of a_k·b_l − a_l·b_k, the difference a rotation.

    **Raises:** `DiscoveryError` for a size that is not positive.
    """
    sizes = {f"kernels[{i}]": kernel for i, kernel in enumerate(kernels)}
    checked("convolution", inputs=inputs, hidden=hidden, outputs=outputs, **sizes)
    first, second = kernels
    layout = Layout(("W1", "W2"), ((hidden, inputs, first), (outputs, hidden, second)))
    into, out = entry_numbers(layout)
    shape = (outputs, hidden, inputs, second, first)
    o, k, i, s, t = np.indices(shape).reshape(5, -1)
    pairs = np.stack([into[k, i, t], out[o, k, s]], axis=1)
    length = first + second - 1
    owner = (o * inputs + i) * length + s + t
    linear = Terms(owner, np.ones(len(owner), int), pairs)
    table = (
        Table(len(pairs), [monomials(pairs, 0)])
        if relu
        else Table(outputs * inputs * length, [linear])
    )
    laws = [
        inner_product((1, into[a], into[b]), (-1, out[:, a], out[:, b]))
        for a, b in combinations_with_replacement(range(hidden), 2)
        if a == b or not relu
    ]
    rotations = [
        turn((1, into[a], into[b]), (1, out[:, a], out[:, b]))
        for a, b in combinations(range(hidden), 2)
        if not relu
    ]
    if inputs == outputs == 1 and first == second and not relu:
        for a, b in combinations(range(hidden), 2):
            into_a, into_b, out_a, out_b = into[a], into[b], out[0, a], out[0, b]
            laws.append(inner_product((1, into_a, out_b), (-1, into_b, out_a)))
            rotations.append(turn((1, into_a, out_b), (1, out_a, into_b)))
    return Parametrisation(
        f"{'relu' if relu else 'linear'} convolution ({inputs}, {hidden}, {outputs})",
        layout,
        table,
        laws=laws,
        rotations=rotations,
    )
