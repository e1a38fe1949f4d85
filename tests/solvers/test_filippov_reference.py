"""The reference of ReLU networks in experiments/work_precision, along kinks."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from ..scripts import EXPERIMENTS, script

FOLDER = EXPERIMENTS / "work_precision"


@pytest.fixture(scope="module")
def modules():
    """The module of the integrator and of the network; they know each other by name."""
    names = {path.stem for path in Path(FOLDER).glob("*.py")}
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        kinks = script("work_precision/kinks.py")
        yield kinks, sys.modules["extended"]
    for name in (set(sys.modules) - before) & names:
        del sys.modules[name]


def network(extended, samples=12, units=6, outputs=2):
    """A random one, and a state of it."""
    random = np.random.default_rng(3)
    x = random.standard_normal((samples, 2)).astype(extended.Extended)
    y = random.standard_normal((samples, outputs)).astype(extended.Extended)
    shapes = ((units, 2), (outputs, units))
    size = sum(out * (into + 1) for out, into in shapes)
    theta = random.standard_normal(size).astype(extended.Extended)
    return extended.Network(shapes, True, "relu", "mse", x, y), theta


def test_elimination_solves_in_extended_precision(modules):
    _, extended = modules
    matrix = np.random.default_rng(0).standard_normal((9, 9))
    matrix = matrix.astype(extended.Extended)
    inverse = extended.eliminate(matrix, np.eye(9, dtype=extended.Extended))
    assert np.max(np.abs(matrix @ inverse - np.eye(9))) < 1e-17


def test_a_piece_has_the_field_of_its_network(modules):
    kinks, extended = modules
    net, theta = network(extended)
    piece = kinks.Piece(net, net.preactivations(theta)[0] > 0)
    slopes = piece.evaluate(theta[None]).slopes[0]
    np.testing.assert_allclose(slopes, -net.gradient(theta), atol=1e-17)


def test_what_slides_stays_at_its_kinks(modules):
    """z is linear in θ for each sample: its rate is its value at θ' as the state."""
    kinks, extended = modules
    net, theta = network(extended)
    held = np.array([0, 3, 5]), np.array([1, 1, 4])
    pattern = net.preactivations(theta)[0] > 0
    pattern[held] = False
    piece = kinks.Piece(net, pattern, *held)
    on_kinks = piece.onto(theta)
    assert np.max(np.abs(net.preactivations(theta)[0][held])) > 0.1
    assert np.max(np.abs(net.preactivations(on_kinks)[0][held])) < 1e-18
    rates = piece.evaluate(on_kinks[None]).slopes[0]
    assert np.max(np.abs(net.preactivations(rates)[0][held])) < 1e-18


def test_gates_at_a_kink_are_the_only_consistent_ones(modules):
    """Against all 3ᵐ choices of the kinks of a unit, where all of them attract."""
    kinks, extended = modules
    met = 0
    for seed in range(40):
        net, theta = network(extended, outputs=1)
        random = np.random.default_rng(seed)
        theta = theta + random.standard_normal(theta.size)
        pattern = net.preactivations(theta)[0] > 0
        pattern[[0, 3], 1] = False
        piece = kinks.Piece(net, pattern, [3], [1])
        theta = kinks.Piece(net, pattern, [0, 3], [1, 1]).onto(theta)
        back = piece.evaluate(theta[None]).back[0, [0, 3], 1]
        if min(back) <= 0:
            continue
        met += 1
        found, slides, left = piece.crossed(theta, 0, 1)
        gates = [0.5 if slides else float(found.pattern[0, 1])]
        gates.append(float(found.pattern[3, 1]) if left else 0.5)
        assert consistent(kinks, net, pattern, theta) == [tuple(gates)]
    assert met > 5


def consistent(kinks, net, pattern, theta):
    """Which gates 0, 1, or 0.5 for in between, of samples 0 and 3 of unit 1 are."""
    good = []
    samples = np.array([0, 3])
    for gates in itertools.product((0.0, 0.5, 1.0), repeat=2):
        state = np.array(gates)
        sides = pattern.copy()
        sides[samples, 1] = state == 1
        slides = samples[state == 0.5]
        piece = kinks.Piece(net, sides, slides, [1] * len(slides))
        seen = piece.evaluate(theta[None])
        u, most = (values[0] for values in piece.gates(seen))
        rates = net.preactivations(seen.slopes[0])[0][samples, 1]
        inside = np.all((u >= 0) & (u <= most))
        if inside and np.all(rates[state == 1] > 0) and np.all(rates[state == 0] < 0):
            good.append(gates)
    return good


def test_a_flow_slides_and_leaves_as_with_any_other_order(modules):
    """relu_small crosses 7 kinks, and slides along one from t = 0.2970 to 0.3140."""
    kinks, extended = modules
    random = np.random.default_rng(7)
    x = random.standard_normal((50, 2))
    y = np.sin(2 * x[:, :1]) * x[:, 1:]
    inner = random.standard_normal((20, 2))
    outer = random.standard_normal(20) * np.sqrt(0.1)
    start = np.concatenate([inner.ravel(), np.zeros(20), outer, np.zeros(1)])
    x, y = x.astype(extended.Extended), y.astype(extended.Extended)
    net = extended.Network(((20, 2), (1, 20)), True, "relu", "mse", x, y)
    rough, best = (
        kinks.integrate(net, start, (0.4,), tolerance, stages)
        for tolerance, stages in ((1e-10, 5), (1e-12, 7))
    )
    assert np.max(np.abs(rough.states[0] - best.states[0])) < 1e-14
    (slid,) = best.slidings
    assert (slid.sample, slid.unit) == (23, 10)
    assert [rough.slidings[0].start, rough.slidings[0].end] == pytest.approx(
        [slid.start, slid.end], abs=1e-13
    )
    assert len(rough.crossings) == len(best.crossings)
