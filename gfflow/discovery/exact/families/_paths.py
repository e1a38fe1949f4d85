"""Index arithmetic of layers: paths through them, and sums of squares."""

from collections.abc import Sequence

import numpy as np

from ...._errors import DiscoveryError
from ...polynomials import Layout, Polynomial
from .._table import Terms

MOST_TERMS = 1 << 21


def checked(family: str, **sizes: int) -> None:
    """**Raises:** `DiscoveryError` if a size is not a positive integer."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or size < 1:
            raise DiscoveryError(
                f"{family} needs {name} to be a positive integer; got {size!r}"
            )


def checked_widths(family: str, widths: Sequence[int]) -> list[int]:
    """**Raises:** `DiscoveryError` unless there are two layers or more."""
    widths = list(widths)
    if len(widths) < 3:
        raise DiscoveryError(
            f"{family} needs the widths of the input, of one hidden layer or more, and "
            f"of the output; got {widths}"
        )
    checked(family, **{f"widths[{i}]": width for i, width in enumerate(widths)})
    return [int(width) for width in widths]


def entry_numbers(layout: Layout) -> list[np.ndarray]:
    """For each array, the flat index of each of its entries."""
    return [
        offset + np.arange(size).reshape(shape)
        for offset, size, shape in zip(layout.offsets, layout.sizes, layout.shapes)
    ]


def weight_layout(widths: Sequence[int]) -> Layout:
    """W1, W2, …, each of shape (out, in)."""
    shapes = tuple((out, into) for into, out in zip(widths, widths[1:]))
    return Layout(tuple(f"W{i + 1}" for i in range(len(shapes))), shapes)


def biased_layout(
    widths: Sequence[int], bias: bool | Sequence[bool], output_bias: bool | None
) -> tuple[Layout, list[np.ndarray], dict[int, np.ndarray]]:
    """The layout of W1, …, b1, …; the entries of each weight, and of each bias by the
    number of its layer.

    **Arguments:**

    - `bias`: whether the hidden layers have one, or each of them.
    - `output_bias`: whether the last layer has a bias; by default if all others have.

    **Raises:** `DiscoveryError` unless each hidden layer is spoken of.
    """
    depth = len(widths) - 1
    each = [bias] * (depth - 1) if isinstance(bias, bool) else list(bias)
    if len(each) != depth - 1:
        raise DiscoveryError(
            f"bias is true or false, or that for each of {depth - 1} hidden layers; "
            f"got {bias!r}"
        )
    each.append(all(each) if output_bias is None else output_bias)
    layers = [layer for layer, biased in enumerate(each) if biased]
    plain = weight_layout(widths)
    layout = Layout(
        (*plain.names, *(f"b{layer + 1}" for layer in layers)),
        (*plain.shapes, *((widths[layer + 1],) for layer in layers)),
    )
    numbers = entry_numbers(layout)
    return layout, numbers[:depth], dict(zip(layers, numbers[depth:]))


def paths(weights: Sequence[np.ndarray]) -> np.ndarray:
    """The entries along each path through weight matrices: int[paths, layers].

    A path is numbered in C order by (unit it starts at, …, unit it ends at).

    **Raises:** `DiscoveryError` if there are more than 2²¹.
    """
    widths = [weights[0].shape[1], *(w.shape[0] for w in weights)]
    number = int(np.prod(widths, dtype=object))
    if number > MOST_TERMS:
        raise DiscoveryError(
            f"exact mode is for networks of at most {MOST_TERMS} paths; widths "
            f"{widths} have {number}: use brackets or orbits instead"
        )
    units = np.indices(widths).reshape(len(widths), -1)
    columns = [w[units[i + 1], units[i]] for i, w in enumerate(weights)]
    return np.stack(columns, axis=1)


def monomials(entries: np.ndarray, first_owner: int) -> Terms:
    """Each row a coordinate of its own."""
    number = len(entries)
    owner = first_owner + np.arange(number)
    return Terms(owner, np.ones(number, int), entries)


_Entries = np.ndarray | np.integer
_Signed = tuple[int, _Entries, _Entries]


def inner_product(*signed: _Signed) -> Polynomial:
    """Σ sign · ⟨x, y⟩, for (sign, entries of x, entries of y)."""
    terms: dict[tuple[int, int], int] = {}
    for sign, left, right in signed:
        for i, j in zip(np.ravel(left).tolist(), np.ravel(right).tolist()):
            key = (min(i, j), max(i, j))
            terms[key] = terms.get(key, 0) + sign
    return Polynomial(terms)


def turn(*signed: _Signed) -> dict[tuple[int, int], int]:
    """The skew matrix of Σ sign · (x ∂/∂y − y ∂/∂x)-like rotations of x and y."""
    found: dict[tuple[int, int], int] = {}
    for sign, left, right in signed:
        for i, j in zip(np.ravel(left).tolist(), np.ravel(right).tolist()):
            key, value = ((i, j), sign) if i < j else ((j, i), -sign)
            found[key] = found.get(key, 0) + value
    return {key: value for key, value in found.items() if value}
