"""Exact mode: the counts of the literature, with upper bound = lower bound."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from gfflow._errors import DiscoveryError
from gfflow.discover._polynomial import Layout, Polynomial
from gfflow.discover.exact import (
    Parametrisation,
    constant,
    exact_laws,
    families,
    free,
    from_sympy,
    nesterov,
)
from gfflow.discover.exact._brackets import _bracket
from gfflow.discover.exact._gradient import GradientCase
from gfflow.discover.exact._identity import Contraction, derivatives
from gfflow.discover.exact._modular import PRIMES, PrimeField
from gfflow.discover.exact._momentum import MomentumCase
from gfflow.discover.exact._nilpotent import Nilpotent
from gfflow.discover.exact._phase_space import PhaseSpace
from gfflow.discover.exact._search import gradient_candidates
from gfflow.discover.exact._table import Table

FRICTIONS = [free, constant, nesterov(3)]
FIELD = PrimeField(PRIMES[0])


def proves(parametrisation, number, momentum=None):
    result = exact_laws(parametrisation, momentum=momentum)
    assert result.upper_bound == number
    assert result.points == (number, number)
    assert result.lower_bound == len(result.laws) == number
    assert result.complete
    return result


def balanced(hidden, ends):
    k = min(hidden, ends)
    return k * (2 * hidden + 1 - k) // 2


def turns(hidden, ends):
    k = min(hidden, 2 * ends)
    return k * (2 * hidden - k - 1) // 2


@pytest.mark.parametrize(
    "widths", [(2, 3, 2), (3, 1, 2), (1, 4, 2), (1, 5, 1), (2, 7, 2), (4, 3, 5)]
)
def test_linear(widths):
    proves(families.linear(widths), balanced(widths[1], widths[0] + widths[2]))


@pytest.mark.parametrize(
    ("widths", "number"),
    [((2, 3, 2, 2), 9), ((3, 2, 3, 3), 9), ((5, 5, 5, 5, 5), 45), ((2, 4, 5, 2), 25)],
)
def test_deep_linear(widths, number):
    proves(families.linear(widths), number)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 4, 2, 3), (9, 9, 9, 9)])
def test_relu(widths, bias):
    proves(families.relu(widths, bias), sum(widths[1:-1]))


def test_relu_bias_of_hidden_layers_only():
    layout = families.relu((2, 3, 2), True, output_bias=False).layout
    assert layout.names == ("W1", "W2", "b1")
    assert families.relu((2, 3, 2), True).layout.names == ("W1", "W2", "b1", "b2")


@pytest.mark.parametrize(("degree", "bias"), [(1, False), (2, True), (3, False)])
def test_homogeneous(degree, bias):
    found = proves(families.homogeneous(2, 3, 2, degree, bias), 3)
    assert set(found.laws[0].terms.values()) == {Fraction(degree), Fraction(-1)}


@pytest.mark.parametrize(
    ("channels", "kernels", "relu", "number"),
    [
        ((2, 3, 1), (3, 3), False, 6),
        ((1, 3, 2), (2, 3), False, 6),
        ((1, 2, 1), (2, 3), False, 3),
        ((1, 2, 1), (3, 3), False, 4),
        ((1, 3, 1), (4, 4), False, 9),
        ((2, 3, 2), (3, 3), True, 3),
        ((1, 2, 1), (3, 3), True, 2),
    ],
)
def test_convolution(channels, kernels, relu, number):
    """One channel at both ends and equal kernels: c² by exchange of W1 and W2."""
    proves(families.convolution(*channels, kernels, relu=relu), number)


@pytest.mark.parametrize(
    ("d", "n", "heads"), [(1, 4, 1), (2, 3, 1), (3, 4, 1), (4, 1, 1), (2, 3, 2)]
)
def test_attention(d, n, heads):
    k = 2 * n
    number = d * (d + 1) if d <= k else k * (2 * d + 1 - k)
    proves(families.attention(d, n, heads), heads * number)


def test_softmax():
    proves(families.softmax(3, 4), 3)
    proves(families.softmax(3, 4, bias=True), 4)


def test_swiglu():
    proves(families.swiglu(3, 4, 2), 4)


def test_mirror():
    proves(families.nmf(3, 2, 4), 4)
    proves(families.nmf(1, 2, 3), 3)
    proves(families.icnn(3, 4, 2), 4)
    proves(families.icnn(1, 3, 2, bias=False), 3)


@pytest.mark.parametrize("friction", FRICTIONS, ids=lambda f: f.kind)
def test_momentum(friction):
    for widths in [(2, 3, 2), (1, 2, 2), (3, 2, 1), (2, 7, 1)]:
        number = turns(widths[1], widths[0] + widths[2])
        proves(families.linear(widths), number, friction)
    for hidden in (1, 2, 3, 5):
        number = 0 if hidden == 1 else 2 * (2 * hidden - 3)
        proves(families.linear((1, hidden, 1)), number, friction)
    proves(families.linear((2, 3, 2, 2)), 4, friction)
    proves(families.linear((1, 2, 3, 1)), 4, friction)
    proves(families.linear((2, 1, 3, 1)), 6, friction)
    proves(families.relu((2, 3, 2), True), 0, friction)
    proves(families.nmf(3, 2, 2), 0, friction)
    proves(families.icnn(2, 3, 2), 0, friction)
    proves(families.attention(3, 3), 6, friction)
    proves(families.softmax(2, 3, bias=True), 6, friction)
    proves(families.convolution(1, 2, 1), 2, friction)


KNOWN = [
    families.linear((2, 3, 2)),
    families.linear((2, 1, 3, 1)),
    families.relu((2, 3, 2, 2), True),
    families.homogeneous(2, 2, 2, 3, True),
    families.convolution(2, 3, 1),
    families.convolution(1, 2, 1),
    families.attention(2, 3, 2),
    families.softmax(2, 3, True),
    families.swiglu(2, 3, 2),
    families.nmf(2, 3, 2),
    families.icnn(2, 3, 2),
]


@pytest.mark.parametrize("family", KNOWN, ids=lambda family: family.name)
@pytest.mark.parametrize("friction", [None, *FRICTIONS])
def test_known_laws_are_laws_and_all(family, friction):
    """Nothing is left to the search."""
    case = MomentumCase(family, friction) if friction else GradientCase(family)
    assert all(case.is_law(law) for law in case.known)
    found = exact_laws(family, momentum=friction)
    assert found.complete
    assert set(found.laws) <= set(case.known)


def test_momentum_fields():
    """F and X, times their scale, at t = 5 or e^{τt} = 5, θ = (2, 3), θ' = (7, 11)."""
    x, y = sympy.symbols("x y")
    own = from_sympy([x * y**2], {"x": (), "y": ()}, mirror=["x"])
    state = np.array([5, 2, 3, 7, 11], np.uint64)[None, :, None]
    expected = {
        "free": ([1, 7, 11, 0, 0], [7 * 9, 12]),
        "constant": ([13 * 5, 7, 11, -13 * 7, -13 * 11], [(13 * 2 + 7) * 9, 12]),
        "nesterov": ([5, 35, 55, -3 * 7, -3 * 11], [(3 * 2 + 5 * 7) * 9, 5 * 12]),
    }
    for friction in FRICTIONS:
        space, algebra = PhaseSpace(own, friction, 13), Nilpotent(FIELD)
        drift, force = expected[friction.kind]
        found = space.drift(algebra, state)[0, :, 0]
        assert found.tolist() == [entry % FIELD.prime for entry in drift]
        weights = np.ones((1, 1, 1), np.uint64)
        found = space.acceleration(algebra, state, weights)[0, :, 0]
        assert found.tolist() == [0, 0, 0, *force]


@pytest.mark.parametrize("friction", FRICTIONS, ids=lambda f: f.kind)
def test_momentum_laws_hold_along_trajectories(friction):
    """RK4 under a force that changes with time, from any data set or loss."""
    r, tau = 3, 0.7
    found = exact_laws(families.linear((2, r, 1)), momentum=friction)
    size = found.parametrisation.size
    pull = np.random.default_rng(0).normal(size=(2, 2))

    def velocity(t, state):
        theta, speed = np.split(state, 2)
        into, out = theta[: 2 * r].reshape(r, 2), theta[2 * r :]
        weight = pull[0] * np.cos(t) + pull[1] * np.sin(2 * t)
        force = np.concatenate([np.outer(out, weight).ravel(), into @ weight])
        slow = {"free": 0.0, "constant": tau}.get(friction.kind, 3 / t)
        return np.concatenate([speed, -force - slow * speed])

    def values(t, state):
        clock = np.exp(tau * t) if friction.kind == "constant" else t
        point = [clock, *state, *([tau] if friction.kind == "constant" else [])]
        assert len(point) == found.layout.size
        return np.array([float(law.value(point)) for law in found.laws])

    state, t, step = np.random.default_rng(1).normal(size=2 * size), 1.0, 1e-3
    start = values(t, state)
    for _ in range(1000):
        a = velocity(t, state)
        b = velocity(t + step / 2, state + step / 2 * a)
        c = velocity(t + step / 2, state + step / 2 * b)
        d = velocity(t + step, state + step * c)
        state, t = state + step / 6 * (a + 2 * b + 2 * c + d), t + step
    assert len(start) == 3
    np.testing.assert_allclose(values(t, state), start, rtol=1e-9, atol=1e-10)


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


def test_false_laws_are_rejected():
    linear = families.linear((2, 3, 2))
    false = Polynomial({(0, 0): 1, (6, 6): -1})
    own = Parametrisation("own", linear.layout, linear.coordinates, laws=[false])
    assert not GradientCase(own).is_law(false)
    assert false not in proves(own, 6).laws
    balance = linear.laws[0]
    assert GradientCase(linear).is_law(balance)
    momentum = MomentumCase(linear, free)
    shifted = {tuple(1 + i for i in m): c for m, c in balance.terms.items()}
    assert not momentum.is_law(Polynomial(shifted))
    for law in momentum.known:
        assert momentum.is_law(law)
        assert not MomentumCase(linear, constant).is_law(law)
    alone = Polynomial({(1, 15): 1, (3, 13): -1})
    assert not momentum.is_law(alone)
    half = Polynomial(dict(list(balance.terms.items())[:-1]))
    assert not GradientCase(linear).is_law(half)


def test_candidates_are_found_in_order():
    """Linear laws first, and a law that is no polynomial of degree 2 never."""
    softmax = families.softmax(2, 3)
    stages = gradient_candidates(softmax, FIELD, np.random.default_rng(0))
    assert sorted(law.support for law in next(stages)) == [[0, 2, 4], [1, 3, 5]]
    for law in next(stages):
        assert law.degree == 1


def test_bracket_is_the_symbolic_one():
    x, y, z = symbols = sympy.symbols("x y z")
    phi = [x**2 * y + z, x * y * z, y**3 - x * z**2]
    own = from_sympy(phi, {"x": (), "y": (), "z": ()})
    weights = np.array([[2, 3, 5], [7, 1, 4], [6, 8, 9]], np.uint64)
    fields = [
        sympy.Matrix([sum(int(w) * f for w, f in zip(row, phi))]).jacobian(symbols).T
        for row in weights
    ]
    bracket = lambda a, b: b.jacobian(symbols) * a - a.jacobian(symbols) * b
    deep = bracket(fields[2], bracket(fields[1], fields[0]))
    point = {x: 11, y: 13, z: 17}
    theta = np.array([11, 13, 17], np.uint64)[None, :, None]
    found = _bracket(own, Nilpotent(FIELD), theta, weights[:, None, :, None])
    expected = [int(entry) % FIELD.prime for entry in deep.subs(point)]
    assert found[0, :, 0].tolist() == expected


def test_jacobian_and_gradient_agree():
    table = families.relu((2, 3, 2), True).coordinates
    theta = FIELD.random(np.random.default_rng(0), 17)
    weights = np.eye(table.count, dtype=np.uint64)[None]
    rows = table.gradient(Nilpotent(FIELD), theta[None, :, None], weights)[0].T
    assert (rows == table.jacobian(FIELD, theta)).all()


def test_powers_cancel_exactly():
    """x²·2x − 2x·x² = 0, and nothing less."""
    table = Table.of([Polynomial({(0, 0, 0): 2, (1,): 10**20})])
    zero = derivatives(Table.of([Polynomial({(1,): 1})]))
    assert not Contraction(table, 2).vanishes(zero)
    assert Contraction(table, 2).vanishes([])


@pytest.mark.parametrize("prime", PRIMES)
def test_prime_field(prime):
    field = PrimeField(prime)
    rng = np.random.default_rng(0)
    rows = field.random(rng, (5, 9))
    kernel = field.kernel(rows)
    assert kernel.shape == (4, 9)
    assert not field.matmul(rows, np.ascontiguousarray(kernel.T)).any()
    leading = [int(np.flatnonzero(row)[0]) for row in kernel]
    assert (kernel[:, leading] == np.eye(4)).all()
    twice = np.concatenate([rows[:2], field.reduce(rows[:1] + rows[1:2]), rows[2:]])
    assert field.independent(twice) == [0, 1, 3, 4, 5]
    large = field.random(rng, (3, 300))
    product = [
        [sum(int(a) * int(b) for a, b in zip(x, y)) % prime for y in large]
        for x in large
    ]
    assert field.matmul(large, np.ascontiguousarray(large.T)).tolist() == product
    for value in (Fraction(0), Fraction(-3), Fraction(5, 7), Fraction(-22, 9)):
        element = value.numerator * pow(value.denominator, -1, prime) % prime
        assert field.rational(element) == value


def _own(expressions, arrays, **more):
    return lambda: from_sympy(expressions, arrays, **more)


_x, _u = sympy.Symbol("x"), sympy.IndexedBase("u")


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
