"""Discovery by differentiation against the table of known laws (tests/README.md)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.models import MLP, DeepLinear, relu_squared

from ..variants import variants
from .discovery_models import (
    attention,
    batch_normalised_block,
    convolution,
    normalised_block,
    normalised_layer,
    of_shapes,
    residual,
    rotary_attention,
    swiglu,
)

KEY = jax.random.key(0)
CE = "softmax_cross_entropy"
identity = lambda z: z


def mlp(*widths, **options):
    return MLP(list(widths), key=KEY, **options), (widths[0],)


def linear(*widths):
    return DeepLinear(list(widths), key=KEY), (widths[0],)


def two_layer_count(n, m, r):
    k = min(r, n + m)
    return k * (2 * r + 1 - k) // 2


TABLE = {
    "linear": lambda: (linear(3, 2, 4), two_layer_count(3, 4, 2)),
    "linear, wide": lambda: (linear(2, 5, 1), two_layer_count(2, 1, 5)),
    "linear, scalar": lambda: (linear(1, 3, 1), two_layer_count(1, 1, 3)),
    "linear, large": lambda: (linear(64, 3, 64), 6),
    "deep linear": lambda: (linear(3, 4, 4, 3), 20),
    "relu": lambda: (mlp(3, 5, 2, bias=False), 5),
    "relu with bias": lambda: (mlp(3, 5, 2), 5),
    "deep relu": lambda: (mlp(4, 5, 4, 2), 9),
    "leaky relu": lambda: (mlp(3, 4, 2, activation="leaky_relu"), 4),
    "relu squared": lambda: (mlp(3, 4, 2, activation=relu_squared), 4),
    "tanh": lambda: (mlp(3, 4, 2, activation="tanh"), 0),
    "gelu": lambda: (mlp(3, 4, 2, activation="gelu"), 0),
    "silu": lambda: (mlp(3, 4, 3, 2, activation="silu"), 0),
    "swiglu": lambda: ((swiglu(3, 4, 2), (3,)), 4),
    "convolution, relu": lambda: ((convolution(3, 2, jax.nn.relu), (2, 7)), 3),
    "convolution, linear": lambda: ((convolution(3, 2, identity), (2, 7)), 6),
    "residual": lambda: ((residual(3, (2, 3)), (3,)), 5),
    "attention": lambda: ((attention(2, 3), (4, 3)), 6),
    "attention, d > 2n": lambda: ((attention(3, 1), (4, 1)), 10),
    "two heads": lambda: ((attention(2, 2, 2), (3, 2)), 12),
    "rotary attention": lambda: ((rotary_attention(4, 3, 4), (4, 3)), 2 + 10),
    "softmax": lambda: ((eqx.nn.Linear(4, 3, key=KEY, use_bias=False), (4,), CE), 4),
    "softmax with bias": lambda: ((eqx.nn.Linear(4, 3, key=KEY), (4,), CE), 5),
    "relu and softmax": lambda: ((*mlp(3, 4, 3), CE), 4 + 4 + 1),
    "logistic": lambda: ((*mlp(3, 4, 1), "logistic"), 4),
    "layer norm": lambda: ((normalised_layer(4, 3, True), (3,)), 1 + 3),
    "layer norm, ε": lambda: ((normalised_layer(4, 3, True, 1e-5), (3,)), 3),
    "rms norm": lambda: ((normalised_layer(4, 3, False), (3,)), 1),
    "layer norm block": lambda: ((normalised_block(4, 3, 2), (3,)), 4 + 1 + 3),
    "batch norm block": lambda: ((batch_normalised_block(3, 4, 2), (6, 4)), 3 * 3),
}

POLYNOMIAL = {
    *("linear", "deep linear", "relu", "relu with bias", "deep relu", "relu squared"),
    *("convolution", "residual", "softmax", "softmax with bias", "relu and softmax"),
    "logistic",
}
WHOLE = {name for name in TABLE if name.split(",")[0] in POLYNOMIAL}


@pytest.mark.parametrize(
    "name", variants(TABLE, slow=("convolution, linear", "linear, large", "two heads"))
)
def test_number_and_laws_of_the_table(name):
    model, number = TABLE[name]()
    found = gf.discover(model)
    assert found.number == number, found.notes
    assert found.complete and len(found.laws) == number
    kept, dropped = found.certificate.gap
    assert kept > 1e-6 and dropped < 1e-13
    assert set(found.verified.values()) <= {
        "whole numbers" if name in WHOLE else "round-off"
    }


def verdicts(problem, laws, flow=gf.GradientFlow()):
    solution = gf.solve(flow, problem, t1=1.0, rtol=1e-9, solver="tsit5")
    report = gf.check(solution, laws, ladder=False)
    return {str(law.verdict) for law in report.values()}


TEACHER = gf.data.teacher_student(inputs=3, outputs=2, samples=30)
RELU = gf.Problem(mlp(3, 2, 2)[0], "mse", TEACHER)


@pytest.mark.parametrize("activation", variants(["relu", "identity"], ["relu"]))
def test_found_laws_are_conserved_and_read_as_they_are_written(activation):
    linear, _ = mlp(3, 2, 2, activation="identity", bias=False)
    problem = RELU if activation == "relu" else gf.Problem(linear, "mse", TEACHER)
    model, found = problem.model, gf.discover(problem)
    assert found.complete and len(found.laws) == (2 if activation == "relu" else 3)
    assert verdicts(problem, found.laws) == {"conserved"}
    other = model_of_noise(model)
    for law in found.laws:
        written = gf.symbolic(found.expressions[law.name])
        np.testing.assert_allclose(law(0.0, other), written(0.0, other), rtol=1e-12)


def model_of_noise(model):
    random = np.random.default_rng(7)
    noise = lambda a: jnp.asarray(random.normal(size=a.shape), a.dtype)
    return jtu.tree_map(lambda a: noise(a) if eqx.is_inexact_array(a) else a, model)


def test_weight_decay_is_stated():
    flow = gf.GradientFlow(weight_decay=0.3)
    found = gf.discover(RELU, flow)
    assert len(found.laws) == 2
    assert verdicts(RELU, found.laws, flow) == {"predicted-decay"}


def test_a_law_of_two_degrees_is_none_under_decay():
    """Of e^u v x: v² − 2u, which weight decay breaks."""
    model = of_shapes(lambda x, u, v: jnp.exp(u) * v * x, u=(), v=())
    x = jnp.linspace(-1, 1, 9)
    problem = gf.Problem(model, "mse", (x, x))
    found = gf.discover(problem)
    assert list(found.expressions.values()) == ["arrays['v']**2 - 2*arrays['u']"]
    assert verdicts(problem, found.laws) == {"conserved"}
    decayed = gf.discover(problem, gf.GradientFlow(weight_decay=0.3))
    assert decayed.number == 0 and decayed.complete


def test_rates_enter_the_coefficients():
    x, y = gf.data.teacher_student(inputs=3, outputs=4, samples=30)
    model = DeepLinear([3, 2, 4], key=KEY)
    ones = jtu.tree_map(jnp.ones_like, gf.Problem(model, "mse", (x, y)).parameters)
    rates = eqx.tree_at(lambda m: m.layers[0].weight, ones, 0.25 * jnp.ones((2, 3)))
    problem = gf.Problem(model, "mse", (x, y), time_scale=rates)
    found = gf.discover(problem)
    assert found.complete and found.number == 3
    wanted = "sum(layers[1].weight[:,0]**2) - 4*sum(layers[0].weight[0,:]**2)"
    assert wanted in found.expressions.values()
    assert verdicts(problem, found.laws) == {"conserved"}


def test_a_model_with_laws_that_are_no_polynomials_says_so():
    """Of sin(u) v x: v² + 2 log cos u."""
    model = of_shapes(lambda x, u, v: jnp.sin(u) * v * x, u=(), v=())
    found = gf.discover((model, ()))
    assert found.number == 1 and found.lower_bound == 0 and not found.complete
    assert "not found" in found.notes[-1]


def test_degree_three():
    """Of e^{u − 1/v} x: v³ − 3u, since W is spanned by (1, v⁻²)."""
    function = lambda x, u, v: jnp.exp(u - 1 / (2 + v)) * x
    model = of_shapes(function, u=(), v=())
    low, high = gf.discover((model, ())), gf.discover((model, ()), degree=3)
    assert low.lower_bound == 0 and low.number == high.number == 1 and high.complete
    theta = {"u": jnp.asarray(0.3), "v": jnp.asarray(0.7)}
    moved = {"u": theta["u"] + (2.9**3 - 2.7**3) / 3, "v": theta["v"] + 0.2}
    values = [
        high.laws[0](0.0, eqx.tree_at(lambda m: m.arrays, model, at))
        for at in (theta, moved)
    ]
    np.testing.assert_allclose(*values, rtol=1e-12)


def test_laws_of_a_chamber():
    """Input width 1, no bias: units of one sign act as one linear network."""
    model = MLP([1, 3, 2], bias=False, key=KEY)
    for signs, number in (((1, 1, 1), 6), ((1, -1, 1), 4)):
        weight = jnp.asarray(signs, float)[:, None] * jnp.asarray([[0.7], [1.1], [0.9]])
        placed = eqx.tree_at(lambda m: m.layers[0].weight, model, weight)
        found = gf.discover((placed, (1,)))
        assert found.number == number and found.complete
        assert any("region" in note for note in found.notes)


def scaled(model, factor):
    times = lambda a: factor * a if eqx.is_inexact_array(a) else a
    return jtu.tree_map(times, model)


HARD = {
    "saturated softmax": (scaled(attention(2, 3), 300.0), (4, 3), 6),
    "tiny": (scaled(mlp(3, 4, 2)[0], 1e-3), (3,), 4),
    "zero": (scaled(mlp(3, 4, 2)[0], 0.0), (3,), 4),
    "zero, linear": (scaled(linear(3, 2, 4)[0], 0.0), (3,), 3),
    "symmetric": (
        jtu.tree_map(
            lambda a: jnp.ones_like(a) if eqx.is_inexact_array(a) else a,
            mlp(3, 4, 2)[0],
        ),
        (3,),
        4,
    ),
    "dead on the data": (
        eqx.tree_at(
            lambda m: m.layers[0].bias,
            mlp(3, 4, 2)[0],
            jnp.asarray([-50.0, 0.0, 0.0, 30.0]),
        ),
        (3,),
        4,
    ),
    "few regions": (*mlp(1, 4, 2), 4),
}


@pytest.mark.parametrize("name", HARD)
def test_bad_places(name):
    model, shape, number = HARD[name]
    found = gf.discover((model, shape))
    assert found.number == number and found.complete


def test_single_precision():
    narrow = lambda a: a.astype(jnp.float32) if eqx.is_inexact_array(a) else a
    model = jtu.tree_map(narrow, mlp(3, 4, 2)[0])
    x = jax.random.normal(KEY, (20, 3), jnp.float32)
    found = gf.discover(gf.Problem(model, "mse", (x, jnp.ones((20, 2), jnp.float32))))
    assert found.number == 4 and found.complete
    inside = of_shapes(
        lambda x, A, B: A @ jax.nn.relu((B @ x).astype(jnp.float32)).astype(x.dtype),
        A=(2, 4),
        B=(4, 3),
    )
    found = gf.discover((inside, (3,)))
    assert not found.conclusive and found.number is None
    assert any("float64" in note for note in found.notes)


def test_a_loss_whose_cotangents_depend_on_the_prediction():
    """ℓ = (‖z‖² − y)²: no gradient but along z, and the same laws."""
    loss = lambda z, y: (jnp.sum(z**2) - jnp.sum(y)) ** 2
    found = gf.discover((*mlp(3, 4, 2), loss))
    assert found.complete and found.number == 4


def test_a_block_alone():
    model, shape = mlp(3, 5, 4, 2)
    pair = gf.discover((model, shape), only=["layers[0]", "layers[1]"])
    assert pair.number == 5 and pair.complete
    assert gf.discover((model, shape), only=["layers[1]"]).number == 0


def test_only_what_trains():
    problem = gf.Problem(mlp(3, 4, 2)[0], "mse", TEACHER, trainable=["layers[1]"])
    found = gf.discover(problem)
    assert found.parameters == 10 and found.number == 0 and found.complete
