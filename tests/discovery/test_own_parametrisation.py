"""Exact mode of a parametrisation of one's own, given as SymPy polynomials."""

import pytest
import sympy

from gfflow._errors import DiscoveryError
from gfflow.discovery.exact import (
    Parametrisation,
    exact_laws,
    families,
    from_sympy,
    nesterov,
)
from gfflow.discovery.polynomials._polynomial import Layout, Polynomial

from ..annotations import wrong_arguments
from .exact_cases import proves


def test_own_parametrisation():
    u, v, s = sympy.IndexedBase("u"), sympy.IndexedBase("v"), sympy.Symbol("s")
    products = [u[i, 0] * v[j, 0] + u[i, 1] * v[j, 1] for i in (0, 1) for j in (0, 1)]
    arrays = {"u": (2, 2), "v": (2, 2), "s": ()}
    found = proves(from_sympy([*products, s**2 / 3 + s], arrays), 3)
    assert found.layout == Layout(("u", "v", "s"), ((2, 2), (2, 2), ()))
    balance = {(0, 0): 1, (2, 2): 1, (4, 4): -1, (6, 6): -1}
    assert Polynomial(balance) in found.laws


def test_rotary_attention():
    """Scores xᵢᵀ Qᵀ R(i − j) K xⱼ, with R a rotation in each plane of two rows."""
    d, n = 4, 2
    q, k, v, o = (sympy.IndexedBase(name) for name in "qkvo")
    pairs = [(a, b) for a in range(n) for b in range(n)]
    even = [
        q[j, a] * k[j, b] + q[j + 1, a] * k[j + 1, b] for j in (0, 2) for a, b in pairs
    ]
    odd = [
        q[j, a] * k[j + 1, b] - q[j + 1, a] * k[j, b] for j in (0, 2) for a, b in pairs
    ]
    values = [sum(v[i, a] * o[i, b] for i in range(d)) for a, b in pairs]
    arrays = {name: (d, n) for name in "qkvo"}
    proves(from_sympy([*even, *odd, *values], arrays), d // 2 + d * (d + 1) // 2)


def test_residual_relu():
    """Two blocks x + U relu(Vx) with all units on: the paths through one block, the
    other, or both; a law of each hidden unit, none across the skip."""
    width, first, second = 2, 1, 2
    a, b, c, d = (sympy.IndexedBase(name) for name in "abcd")
    ways = range(width)
    one = [b[i, 0] * a[0, j] for i in ways for j in ways]
    two = [d[i, k] * c[k, j] for i in ways for k in range(second) for j in ways]
    both = [
        d[i, k] * c[k, m] * b[m, 0] * a[0, j]
        for i in ways
        for k in range(second)
        for m in ways
        for j in ways
    ]
    arrays = {"a": (first, width), "b": (width, first)}
    arrays |= {"c": (second, width), "d": (width, second)}
    proves(from_sympy([*one, *two, *both], arrays), first + second)


def test_own_mirror():
    u, v = sympy.IndexedBase("u"), sympy.IndexedBase("v")
    products = [u[i] * v[k] for i in (0, 1) for k in (0, 1)]
    arrays = {"u": (2,), "v": (2,)}
    found = proves(from_sympy(products, arrays, mirror=["u", "v"]), 1)
    assert found.laws[0].terms == {(0,): 1, (1,): 1, (2,): -1, (3,): -1}


def test_searched_momentum():
    u, v = sympy.IndexedBase("u"), sympy.IndexedBase("v")
    products = [u[i, 0] * v[0] + u[i, 1] * v[1] for i in (0, 1)]
    own = from_sympy(products, {"u": (2, 2), "v": (2,)})
    proves(own, 1, nesterov(2))


def test_no_laws():
    x, y, z = sympy.symbols("x y z")
    found = proves(
        from_sympy([x * y, y * z**2 + x], {"x": (), "y": (), "z": ()}),
        0,
    )
    assert found.ranks_per_level == (2, 3)


def test_incomplete_is_said():
    x, y = sympy.symbols("x y")
    found = exact_laws(from_sympy([x**2 * y + y**3 + x], {"x": (), "y": ()}))
    assert (found.lower_bound, found.upper_bound) == (0, 1)
    assert not found.complete
    assert found.closed


def _own(expressions, arrays, **more):
    return lambda: from_sympy(expressions, arrays, **more)


_x, _u = sympy.Symbol("x"), sympy.IndexedBase("u")


@wrong_arguments
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_own([sympy.sin(_x)], {"x": ()}), "polynomial in the entries"),
        (_own([1 / _x], {"x": ()}), "polynomial in the entries"),
        (_own([sympy.Symbol("weigth")], {"weight": ()}), "did you mean 'weight'"),
        (_own([_u[2]], {"u": (2,)}), r"u\[2\] is outside u, whose shape is \(2,\)"),
        (_own([_u[0, 0]], {"u": (2,)}), "is outside u"),
        (_own([sympy.sqrt(2) * _x], {"x": ()}), "coefficients of φ are rational"),
        (_own([_x], {"x": ()}, mirror=["y"]), "mirror names arrays of φ; got 'y'"),
        (_own([], {"x": ()}), "needs parameters and coordinates"),
        (lambda: families.linear((3, 2)), "one hidden layer or more"),
        (lambda: families.relu((3, 0, 2)), r"widths\[1\] to be a positive integer"),
        (lambda: families.relu((99, 99, 99, 99)), "use brackets or orbits"),
        (lambda: families.softmax(3, 1), "outputs - 1"),
        (lambda: nesterov(0), "an integer r ≥ 1; got 0"),
        (
            lambda: Parametrisation(
                "own", Layout(("x",), ((2,),)), [Polynomial({(2,): 1})]
            ),
            "own has entries 0 to 1; a coordinate uses 2",
        ),
        (
            lambda: Parametrisation(
                "own", Layout(("x",), ((1,),)), [Polynomial({(0,): 1})], metric=[2]
            ),
            "exponents, each 0 or 1",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(DiscoveryError, match=message):
        make()
