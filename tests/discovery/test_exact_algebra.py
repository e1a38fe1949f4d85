"""The parts of the exact mode: fields, brackets, candidates, identities."""

from fractions import Fraction

import numpy as np
import pytest
import sympy

from gfflow.discovery.exact import (
    Parametrisation,
    constant,
    exact_laws,
    families,
    free,
    from_sympy,
)
from gfflow.discovery.exact._brackets import _bracket
from gfflow.discovery.exact._candidates import gradient_candidates
from gfflow.discovery.exact._gradient import GradientCase
from gfflow.discovery.exact._identity import Contraction, derivatives
from gfflow.discovery.exact._modular import PRIMES, PrimeField
from gfflow.discovery.exact._momentum import MomentumCase
from gfflow.discovery.exact._nilpotent import Nilpotent
from gfflow.discovery.exact._phase_space import PhaseSpace
from gfflow.discovery.exact._table import Table
from gfflow.discovery.polynomials._polynomial import Layout, Polynomial

from .exact_cases import FIELD, FRICTIONS, proves


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


def test_arrays_in_another_order():
    """φ, laws and rotations keep what they say when the entries change places."""
    linear = families.linear((2, 3, 2))
    backwards = Layout(("W2", "W1"), linear.layout.shapes[::-1])
    place = np.random.default_rng(0).permutation(12)
    moved = linear.placed(backwards, place)
    assert len(GradientCase(moved).known) == 6 and len(moved.rotations) == 3
    for case in (GradientCase(moved), MomentumCase(moved, free)):
        assert all(case.is_law(law) for law in case.known)
    assert moved.laws[0].support == sorted(place[linear.laws[0].support].tolist())
    half = linear.under(np.repeat([1, 0], 6)).placed(backwards, place)
    assert half.metric[place].tolist() == [1] * 6 + [0] * 6


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
    found = _bracket(own.field, Nilpotent(FIELD), theta, weights[:, None, :, None])
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
