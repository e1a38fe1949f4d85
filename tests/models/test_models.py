"""The models against their formulas, and the initialisers against their claims."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow._registry import lookup, names

from ..annotations import wrong_arguments

KEY = jax.random.key(0)
X = jnp.array([0.3, -1.2, 0.7])


def test_the_perceptron():
    net = gf.models.MLP([3, 4, 4, 2], key=KEY, final_activation="sigmoid")
    net_x = X
    for layer in net.layers[:-1]:
        net_x = np.maximum(np.asarray(layer.weight) @ net_x + layer.bias, 0)
    last = net.layers[-1]
    z = np.asarray(last.weight) @ net_x + last.bias
    np.testing.assert_allclose(net(X), 1 / (1 + np.exp(-z)), rtol=1e-13)
    assert all(np.all(layer.bias == 0) for layer in net.layers)


def test_the_deep_linear_network():
    net = gf.models.DeepLinear([3, 5, 4, 2], key=KEY)
    a, b, c = (np.asarray(layer.weight) for layer in net.layers)
    np.testing.assert_allclose(net(X), c @ b @ a @ X, rtol=1e-12)
    assert all(layer.bias is None for layer in net.layers)


@pytest.mark.parametrize("name", names("activations"))
def test_every_activation_in_a_network(name):
    net = gf.models.MLP([3, 4, 2], key=KEY, activation=name)
    assert np.all(np.isfinite(net(X)))


@pytest.mark.parametrize(
    "name, variance",
    [
        ("glorot", 4 * 2 / (300 + 200)),
        ("he", 4 * 2 / 300),
        ("gaussian", 4.0),
        ("small", 4e-6 / 300),
    ],
)
def test_variance_of_gaussian_initialisers(name, variance):
    first, second = lookup("initialisers", name)(KEY, [300, 200, 300], 2.0)
    assert first.shape == (200, 300) and second.shape == (300, 200)
    np.testing.assert_allclose(np.var(first), variance, rtol=0.05)
    assert not np.allclose(first, second.T)


@pytest.mark.parametrize("widths", [[3, 5, 4, 2], [1, 3, 1], [4, 4, 4]])
def test_balanced_start(widths):
    net = gf.models.DeepLinear(widths, key=KEY, init="balanced", init_scale=0.7)
    weights = [np.asarray(layer.weight) for layer in net.layers]
    for before, after in zip(weights, weights[1:]):
        np.testing.assert_allclose(after.T @ after, before @ before.T, atol=1e-14)
    assert [w.shape for w in weights] == list(zip(widths[1:], widths))


@wrong_arguments
@pytest.mark.parametrize("widths", [[3], [3, 0, 1], [3, 2.5]])
def test_widths_that_make_no_network(widths):
    with pytest.raises(gf.ProblemError, match="two positive integers"):
        gf.models.MLP(widths, key=KEY)
    with pytest.raises(gf.GFFlowError, match="did you mean 'relu'"):
        gf.models.MLP([3, 2], key=KEY, activation="relo")
