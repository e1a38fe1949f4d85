"""Exact mode: the counts of the literature, with upper bound = lower bound."""

from fractions import Fraction

import pytest

from gfflow.discovery.exact import exact_laws, families
from gfflow.discovery.exact._gradient import GradientCase
from gfflow.discovery.exact._momentum import MomentumCase

from .exact_cases import FRICTIONS, proves


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
