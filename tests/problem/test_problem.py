"""Problem: sums over data, weights, chunks, what trains, and what is refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf

from ..annotations import wrong_arguments


def data(samples=7):
    x = np.random.default_rng(0).normal(size=(samples, 3))
    return jnp.asarray(x), jnp.asarray(np.sin(x[:, :2]))


def model(key=0):
    return gf.models.MLP([3, 4, 2], key=jax.random.key(key), activation="tanh")


@eqx.filter_jit
def sums(problem, at, along):
    """Value, gradient, and Hessian times a direction."""
    value, gradient = problem.value_and_gradient(at)
    return value, gradient, problem.hvp(at, along)


def close(one, two, **options):
    options = {"rtol": 1e-13, "atol": 1e-15} | options
    for a, b in zip(*map(jtu.tree_leaves, (one, two)), strict=True):
        np.testing.assert_allclose(a, b, **options)


def test_value_and_gradient_are_those_of_the_mean_loss():
    net, (x, y) = model(), data()
    problem = gf.Problem(net, "mse", (x, y))

    def mean(parameters):
        net = eqx.combine(parameters, problem.frozen)
        return jnp.mean((jax.vmap(net)(x) - y) ** 2)

    at = problem.parameters
    found = jax.jit(lambda at: (problem.value(at), problem.gradient(at)))(at)
    close(found, jax.jit(jax.value_and_grad(mean))(at))
    assert problem.samples == 7 and problem.size == 26
    assert problem.dtype == jnp.float64
    assert problem.parameter_names == [
        "layers[0].weight",
        "layers[0].bias",
        "layers[1].weight",
        "layers[1].bias",
    ]


@pytest.mark.parametrize("chunk", [1, 2, 3, 6, 7, 100])
def test_chunks_change_only_the_order_of_addition(chunk):
    weights = np.arange(1.0, 8.0)
    whole = gf.Problem(model(), "mse", data(), weights=weights)
    parts = gf.Problem(model(), "mse", data(), weights=weights, chunk=chunk)
    at = whole.parameters
    direction = jtu.tree_map(lambda p: jnp.asarray(np.cos(p)), at)
    one, two = (sums(problem, at, direction) for problem in (whole, parts))
    close(one[:2], two[:2])
    close(one[2], two[2], atol=1e-14)


def test_weights_are_repetitions():
    x, y = map(np.asarray, data(4))
    repeated = np.array([0, 0, 0, 1, 3, 3])
    weighted = gf.Problem(model(), "mse", (x, y), weights=[3, 1, 0, 2])
    plain = gf.Problem(model(), "mse", (x[repeated], y[repeated]))
    (value, gradient, _), (wanted, slope, _) = (
        sums(problem, plain.parameters, plain.parameters)
        for problem in (weighted, plain)
    )
    close((value, gradient), (wanted, slope))


def test_hvp_is_the_derivative_of_the_gradient():
    problem = gf.Problem(model(), "mse", data())
    at = problem.parameters
    along = jtu.tree_map(jnp.ones_like, at)
    moved = lambda h: jtu.tree_map(lambda p: jnp.asarray(np.asarray(p) + h), at)
    step = lambda h: jtu.tree_map(np.asarray, sums(problem, moved(h), along)[1])
    slope = jtu.tree_map(lambda a, b: (a - b) / 2e-5, step(1e-5), step(-1e-5))
    close(sums(problem, at, along)[2], slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
    "trainable",
    [
        lambda m: m.layers[0].weight,
        ["layers[0].weight"],
        "layers[0].weight",
        jtu.tree_map(lambda _: False, model()),
    ],
    ids=["function", "paths", "one path", "pytree"],
)
def test_what_trains(trainable):
    net = model()
    if isinstance(trainable, gf.models.MLP):
        trainable = eqx.tree_at(lambda m: m.layers[0].weight, trainable, True)
    problem = gf.Problem(net, "mse", data(), trainable=trainable)
    assert problem.parameter_names == ["layers[0].weight"]
    whole = gf.Problem(net, "mse", data())
    full = eqx.filter_jit(whole.gradient)(whole.parameters)
    part = eqx.filter_jit(problem.gradient)(problem.parameters)
    close(part.layers[0].weight, full.layers[0].weight)
    assert part.layers[1].weight is None
    assert eqx.tree_equal(problem.model, net)


def test_a_prefix_names_all_below_it_and_no_neighbour():
    widths = [3] * 12
    net = gf.models.DeepLinear(widths, key=jax.random.key(0))
    x = data()[0]
    problem = gf.Problem(net, "mse", (x, x), trainable=["layers[1]"])
    assert problem.parameter_names == ["layers[1].weight"]


def test_tied_weights_have_the_tied_gradient():
    class Tied(eqx.Module):
        shared: eqx.nn.Shared

        def __init__(self, layer):
            pair = (layer, layer)
            self.shared = eqx.nn.Shared(
                pair, lambda p: p[1].weight, lambda p: p[0].weight
            )

        def __call__(self, x):
            first, second = self.shared()
            return second(jnp.tanh(first(x)))

    layer = eqx.nn.Linear(3, 3, use_bias=False, key=jax.random.key(0))
    x = data()[0]
    problem = gf.Problem(Tied(layer), "mse", (x, x))
    assert problem.size == 9

    def by_hand(w):
        return jnp.mean((jnp.tanh(x @ w.T) @ w.T - x) ** 2)

    (found,) = jtu.tree_leaves(eqx.filter_jit(problem.gradient)(problem.parameters))
    wanted = jax.jit(jax.grad(by_hand))(layer.weight)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert gf.known_laws(problem, gf.GradientFlow()) == []


def test_time_scale():
    net = model()
    plain = gf.Problem(net, "mse", data())
    rates = jtu.tree_map(jnp.exp, plain.parameters)
    scaled = gf.Problem(net, "mse", data(), time_scale=rates)
    gradient = eqx.filter_jit(plain.gradient)(plain.parameters)
    close(scaled.scaled(gradient), jtu.tree_map(jnp.multiply, rates, gradient))
    three = gf.Problem(net, "mse", data(), time_scale=3)
    close(three.scaled(gradient), jtu.tree_map(lambda g: 3.0 * g, gradient))


class Complex(eqx.Module):
    w: jax.Array

    def __call__(self, x):
        return jnp.real(self.w * x)


GOOD = data()
BAD = {
    "no samples": (lambda: gf.Problem(model(), "mse", data(0)), "no samples"),
    "not a pair": (lambda: gf.Problem(model(), "mse", GOOD[0]), "pair"),
    "counts": (lambda: gf.Problem(model(), "mse", (GOOD[0], GOOD[1][:3])), "as many"),
    "nan": (
        lambda: gf.Problem(model(), "mse", (GOOD[0].at[2, 1].set(jnp.nan), GOOD[1])),
        r"\[2, 1\]",
    ),
    "batch": (
        lambda: gf.Problem(model(), "mse", (GOOD[0][:, :2], GOOD[1])),
        "one sample",
    ),
    "shape": (lambda: gf.Problem(model(), "mse", (GOOD[0], GOOD[0])), "equal"),
    "loss": (lambda: gf.Problem(model(), lambda z, y: z, GOOD), "real scalar"),
    "name": (lambda: gf.Problem(model(), "msee", GOOD), "did you mean 'mse'"),
    "weights": (
        lambda: gf.Problem(model(), "mse", GOOD, weights=[1.0]),
        "one a sample",
    ),
    "negative": (
        lambda: gf.Problem(model(), "mse", GOOD, weights=-jnp.ones(7)),
        "nonnegative",
    ),
    "zero": (lambda: gf.Problem(model(), "mse", GOOD, weights=jnp.zeros(7)), "zero"),
    "chunk": (lambda: gf.Problem(model(), "mse", GOOD, chunk=0), "positive number"),
    "scale": (lambda: gf.Problem(model(), "mse", GOOD, time_scale=-1.0), "positive"),
    "path": (
        lambda: gf.Problem(model(), "mse", GOOD, trainable=["layers[0].weigth"]),
        "did you mean 'layers",
    ),
    "nothing": (lambda: gf.Problem(jnp.tanh, "mse", GOOD), "no floating-point"),
    "complex": (
        lambda: gf.Problem(Complex(jnp.ones(3, complex)), "mse", (GOOD[0], GOOD[0])),
        "complex",
    ),
}


@wrong_arguments
@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused(name):
    make, words = BAD[name]
    with pytest.raises(gf.GFFlowError, match=words):
        make()


def test_an_index_beyond_the_end_is_the_last_one():
    """In the gradient too, as the random data of `check` and `discover` need it."""
    net = gf.models.Factorisation(4, 3, 2, key=jax.random.key(0))
    rows = np.random.default_rng(0).normal(size=(3, 3))
    indices = [1, 15, 4], [1, 3, 3]
    beyond, last = (gf.Problem(net, "mse", (np.array(i), rows)) for i in indices)
    close(beyond.gradient(net), last.gradient(net))
