"""A user's own φ, written in SymPy."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import sympy

from ..._errors import DiscoveryError
from ..._registry import suggest
from ..polynomials import Layout, Polynomial
from ._parametrisation import Parametrisation


def from_sympy(
    expressions: Sequence[sympy.Expr],
    arrays: Mapping[str, Sequence[int]],
    *,
    mirror: Sequence[str] = (),
    name: str = "φ",
) -> Parametrisation:
    """φ from polynomials with rational coefficients in the entries of arrays.

    ```python
    u, v = sympy.IndexedBase("u"), sympy.IndexedBase("v")
    from_sympy([u[0] * v[0] + u[1] * v[1]], {"u": (2,), "v": (2,)})
    ```

    **Arguments:**

    - `arrays`: name → shape, in the order of θ. An entry is
        `sympy.IndexedBase(name)[i, j]`; of shape (), `sympy.Symbol(name)`.
    - `mirror`: the arrays whose metric is the entropy's.
    - `name`: for messages.

    **Raises:** `DiscoveryError` for an expression that is not such a polynomial, or a
    symbol, index or array name that is not in `arrays`.
    """
    layout = Layout(tuple(arrays), tuple(map(_shape, arrays.values())))
    for array in mirror:
        if array not in arrays:
            raise DiscoveryError(
                f"mirror names arrays of φ; got {array!r}{suggest(array, list(arrays))}"
            )
    if isinstance(expressions, str | sympy.Basic):
        raise DiscoveryError(f"φ is a list of expressions; got {expressions!r}")
    coordinates = [_read(_expression(x), layout) for x in expressions]
    metric = [
        int(array in mirror)
        for array, size in zip(layout.names, layout.sizes)
        for _ in range(size)
    ]
    return Parametrisation(name, layout, coordinates, metric=np.array(metric))


def _shape(given: Any) -> tuple[int, ...]:
    whole = lambda n: isinstance(n, int | np.integer) and n >= 0
    if not isinstance(given, Sequence) or not all(map(whole, given)):
        raise DiscoveryError(
            f"the shape of an array is a tuple of integers; got {given!r}"
        )
    return tuple(int(n) for n in given)


def _expression(given: Any) -> sympy.Expr:
    try:
        made = sympy.sympify(given)
    except sympy.SympifyError as error:
        raise DiscoveryError(
            f"a coordinate of φ is a SymPy expression; got {given!r}"
        ) from error
    if not isinstance(made, sympy.Expr):
        raise DiscoveryError(f"a coordinate of φ is a SymPy expression; got {given!r}")
    return made


def _read(expression: sympy.Expr, layout: Layout) -> Polynomial:
    indexed = expression.atoms(sympy.Indexed)
    bases = {symbol for entry in indexed for symbol in entry.base.free_symbols}
    symbols = expression.free_symbols - indexed - bases
    variables = sorted(indexed | symbols, key=str)
    entries = [_entry(variable, layout) for variable in variables]
    if not variables:
        return Polynomial({(): _rational(expression, expression)})
    try:
        polynomial = sympy.Poly(expression, *variables)
    except sympy.PolynomialError as error:
        raise DiscoveryError(
            f"each coordinate of φ is a polynomial in the entries of arrays; "
            f"got {expression}"
        ) from error
    return Polynomial(
        {
            tuple(i for i, power in zip(entries, powers) for _ in range(power)): (
                _rational(coefficient, expression)
            )
            for powers, coefficient in polynomial.terms()
        }
    )


def _entry(variable: Any, layout: Layout) -> int:
    """Its flat index."""
    name, index = _name_and_index(variable)
    if name not in layout.names:
        raise DiscoveryError(
            f"{variable} is not an entry of the arrays {', '.join(layout.names)}"
            f"{suggest(name, layout.names)}"
        )
    number = layout.names.index(name)
    shape = layout.shapes[number]
    inside = len(index) == len(shape) and all(
        i.is_Integer and 0 <= i < n for i, n in zip(index, shape)
    )
    if not inside:
        raise DiscoveryError(f"{variable} is outside {name}, whose shape is {shape}")
    flat = sum(int(i) * prod(shape[k + 1 :]) for k, i in enumerate(index))
    return layout.offsets[number] + flat


def _name_and_index(variable: Any) -> tuple[str, tuple[Any, ...]]:
    if not isinstance(variable, sympy.Indexed):
        return str(variable), ()
    base: Any = variable.base
    return str(base.label), tuple(variable.indices)


def _rational(coefficient: Any, expression: sympy.Expr) -> Fraction:
    if not coefficient.is_Rational:
        raise DiscoveryError(
            f"the coefficients of φ are rational; got {coefficient} in {expression}"
        )
    return Fraction(int(coefficient.p), int(coefficient.q))
