"""The grammar of laws against numpy, and the laws read off a model's structure."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

import gfflow as gf
from gfflow.laws import balancedness, rescaling
from gfflow.models import relu_squared

from ..annotations import wrong_arguments
from ..variants import variants

FLOW = gf.GradientFlow()
KEY = jax.random.key(0)
NET = gf.models.MLP([3, 4, 2], key=KEY)
NET = eqx.tree_at(
    lambda m: [layer.bias for layer in m.layers],
    NET,
    [jnp.arange(4.0) - 1, jnp.ones(2)],
)
A, B = (np.asarray(layer.weight) for layer in NET.layers)
A_BIAS = np.asarray(NET.layers[0].bias)
X = jax.random.normal(KEY, (5, 3))
ABS = np.abs
EXPRESSIONS = {
    "sum(W1[0,:]**2) - sum(W2[:,0]**2)": (
        np.sum(A[0] ** 2) - np.sum(B[:, 0] ** 2),
        "quadratic",
        np.sum(A[0] ** 2) + np.sum(B[:, 0] ** 2),
    ),
    "W2.T @ W2 - W1 @ W1.T": (
        B.T @ B - A @ A.T,
        "quadratic",
        ABS(B).T @ ABS(B) + ABS(A) @ ABS(A).T,
    ),
    "2*layers[0].weight[1, -1] - t": (
        2 * A[1, -1] - 3,
        "linear",
        2 * ABS(A[1, -1]) + 3,
    ),
    "trace(W1[:,:3]) / (2 - 5)": (np.trace(A[:, :3]) / -3, "linear", None),
    "diag(b1 @ W1) + squared_norm(b1)": (None, "polynomial", None),
    "squared_norm(W1)**2 - b1[::2]": (
        np.sum(A**2) ** 2 - A_BIAS[::2],
        "polynomial",
        np.sum(A**2) ** 2 + ABS(A_BIAS[::2]),
    ),
    "-(+b1[2] - 1e3)": (-(A_BIAS[2] - 1e3), "linear", ABS(A_BIAS[2]) + 1e3),
    "exp(-t) * b1[0] * sqrt(4)": (np.exp(-3) * A_BIAS[0] * 2, "linear", None),
    "log(b1[2] + exp(2))": (np.log(A_BIAS[2] + np.exp(2)), "other", None),
    "1 / b1[3]": (1 / A_BIAS[3], "other", None),
    "b1[3]**-1": (1 / A_BIAS[3], "other", None),
    "sin(W1[0,0]) + cos(t) + tanh(W2[0,0]) + abs(b1[0])": (
        np.sin(A[0, 0]) + np.cos(3) + np.tanh(B[0, 0]) + ABS(A_BIAS[0]),
        "other",
        None,
    ),
}


@pytest.mark.parametrize(
    "text", [t for t, e in EXPRESSIONS.items() if e[0] is not None]
)
def test_expressions_against_numpy(text):
    value, degree, absolute = EXPRESSIONS[text]
    law = gf.symbolic(text)
    assert law.degree == degree and law.name == text
    np.testing.assert_allclose(law(jnp.array(3.0), NET), value, rtol=1e-13)
    assert (law.absolute is not None) == (degree != "other")
    positive = jax.tree_util.tree_map(
        lambda a: jnp.abs(a) if eqx.is_array(a) else a, NET
    )
    if absolute is not None:
        size = law.absolute_value(jnp.array(3.0), positive)
        np.testing.assert_allclose(size, absolute, rtol=1e-13)
    elif law.absolute is not None:
        size = law.absolute_value(jnp.array(3.0), positive)
        assert np.all(size >= np.abs(value) * (1 - 1e-12))


def test_coefficients_that_cancel_keep_their_size():
    law = gf.symbolic("W1[0,0] / (100000000 - 99999999)")
    assert law.absolute_value(jnp.array(0.0), NET) == abs(A[0, 0]) or A[0, 0] < 0


@pytest.mark.parametrize(
    "text, words",
    [
        ("W1[0", "column"),
        ("summ(W1)", "did you mean 'sum'"),
        ("W1 if W1 else 0", "IfExp"),
        ("__import__('os')", "Constant|function"),
        ("W1**0.5", "whole number"),
        ("W1[1.5]", "whole number"),
        ("True", "truth value"),
        ("sum(W1, 0)", "one function on one argument"),
        ("W1 == 0", "Compare"),
        ("lambda: 0", "Lambda"),
    ],
)
def test_what_is_not_in_the_grammar(text, words):
    with pytest.raises(gf.LawError, match=words):
        gf.symbolic(text)


@pytest.mark.parametrize(
    "text, words",
    [
        ("sum(W3)", "no parameter of name 'W3'; there are: .*W2"),
        ("layers[0].weigth", "did you mean 'layers"),
        ("sum(WW1)", "did you mean 'W1'"),
        ("W1[4,0]", "index 4 .* length 4"),
        ("W1[0,0,0]", "3 indices"),
        ("sum(W1[7:,:])", r"slice 7: in W1\[7:, :\] is outside .* length 4"),
        ("sum(W1[:, -4:2])", "slice -4:2 .* length 3"),
        ("sum(b1[:5])", "slice :5 .* length 4"),
        ("sum(b1[2:2])", "slice 2:2 .* length 4"),
        ("sum(b1[::0])", "step of a slice is not 0"),
    ],
)
def test_what_the_model_does_not_have(text, words):
    with pytest.raises(gf.LawError, match=words):
        gf.symbolic(text)(jnp.array(0.0), NET)


def test_aliases_of_a_user():
    law = gf.symbolic("sum(inner)", names={"inner": "layers[0].weight"})
    np.testing.assert_allclose(law(jnp.array(0.0), NET), A.sum(), rtol=1e-13)
    with pytest.raises(gf.LawError, match="alias 'x' names no parameter"):
        gf.symbolic("sum(x)", names={"x": "layers[9].weight"})(jnp.array(0.0), NET)


def test_sympy_laws():
    w, b, t = sympy.IndexedBase("W1"), sympy.IndexedBase("b1"), sympy.Symbol("t")
    law = gf.symbolic(w[0, 1] ** 2 - 3 * b[2] + t)
    value = A[0, 1] ** 2 - 3 * A_BIAS[2] + 5
    np.testing.assert_allclose(law(jnp.array(5.0), NET), value, rtol=1e-13)
    assert law.degree == "quadratic"
    assert gf.symbolic(sympy.exp(w[0, 0])).degree == "other"
    assert gf.symbolic(w[0, 0] + t).degree == "linear"
    with pytest.raises(gf.LawError, match="free symbols"):
        gf.symbolic(sympy.Symbol("z") * w[0, 0])
    with pytest.raises(gf.LawError, match="no entry"):
        gf.symbolic(w[9, 9])(jnp.array(0.0), NET)


def test_slices_reach_both_ends():
    for text, wanted in {
        "b1[-4:4]": A_BIAS,
        "b1[3:0:-2]": A_BIAS[3:0:-2],
        "W1[1:, :-1]": A[1:, :-1],
    }.items():
        found = gf.symbolic(text)(jnp.array(0.0), NET)
        np.testing.assert_array_equal(found, wanted)


def test_a_law_of_no_components():
    problem = gf.Problem(NET, "mse", (X, jnp.zeros((5, 2))))
    law = gf.Law(lambda model: model.layers[0].weight[:0, 0], "nothing")
    with pytest.raises(gf.LawError, match=r"'nothing' has no components: .* \(0,\)"):
        gf.solve(FLOW, problem, t1=0.1, laws=[law], solver="tsit5")
    solution = gf.solve(FLOW, problem, t1=0.1, solver="tsit5")
    with pytest.raises(gf.LawError, match="'nothing' has no components"):
        gf.check(solution, law)


def test_the_symmetry_of_a_law():
    for activation, group, degree in [
        ("relu", "rescaling", 1.0),
        ("relu_squared", "rescaling", 2.0),
        ("identity", "linear", 1.0),
    ]:
        net = gf.models.MLP([3, 4, 2], activation=activation, key=KEY)
        problem = gf.Problem(net, "mse", (X, jnp.zeros((5, 2))), time_scale=2.0)
        [law] = gf.known_laws(problem, FLOW)
        symmetry = law.symmetry
        assert symmetry and (symmetry.group, symmetry.degree) == (group, degree)
        assert symmetry.rows == ("layers[0].weight", "layers[0].bias")
        assert symmetry.columns == ("layers[1].weight",)
        for path in (*symmetry.rows, *symmetry.columns):
            np.testing.assert_array_equal(symmetry.inverse_rates[path], 0.5)
        assert symmetry.positive
        signed = gf.known_laws(problem, gf.SaddleFlow("layers[1]"))[0].symmetry
        assert signed and not signed.positive
    # Asked for by name, of a network without it.
    net = gf.models.MLP([3, 4, 2], activation="tanh", key=KEY)
    problem = gf.Problem(net, "mse", (X, jnp.zeros((5, 2))))
    for family in (rescaling, balancedness):
        [law] = family(problem, FLOW)
        assert law.symmetry is None


@wrong_arguments
def test_functions_that_are_no_laws():
    with pytest.raises(gf.LawError, match="got int"):
        gf.Law(3)
    with pytest.raises(gf.LawError, match="2 arguments|3 arguments"):
        gf.Law(lambda a, b, c: a)
    with pytest.raises(gf.LawError, match="did you mean 'linear'"):
        gf.Law(jnp.sum, degree="linaer")
    with pytest.raises(gf.LawError, match="cannot be evaluated"):
        gf.Law(lambda m: m.nothing)(0.0, NET)
    with pytest.raises(gf.LawError, match="floating-point"):
        gf.Law(lambda m: jnp.array(1))(0.0, NET)


DEGREES = {
    "cubic": (lambda z: 3 * relu_squared(z) * z, 3.0),
    "square root": (lambda z: jnp.sqrt(jnp.abs(z)), 0.5),
    "leaky": (jax.nn.leaky_relu, 1.0),
    "smooth": (jax.nn.gelu, None),
}


@pytest.mark.parametrize("name", variants(list(DEGREES), slow=["cubic", "leaky"]))
def test_the_degree_of_homogeneous_units(name):
    activation, degree = DEGREES[name]
    net = eqx.nn.MLP(3, 2, 4, 1, activation, key=KEY)
    problem = gf.Problem(net, "mse", (X, jnp.ones((5, 2))))
    [law] = rescaling(problem, FLOW)
    assert (law.symmetry and law.symmetry.degree) == degree


def laws_of(model, loss="mse", outputs=2, **options):
    targets = jnp.ones((5, outputs)) / outputs
    problem = gf.Problem(model, loss, (X, targets), **options)
    return [law.name for law in gf.known_laws(problem, FLOW)]


class Nested(eqx.Module):
    inner: list
    head: eqx.nn.Linear

    def __call__(self, x):
        return self.head(jnp.tanh(self.inner[0](x)))


def test_laws_of_each_structure():
    nn, linear = eqx.nn, lambda i, o, **k: eqx.nn.Linear(i, o, key=KEY, **k)
    assert laws_of(NET) == ["rescaling of layers[0] → layers[1]"]
    assert laws_of(gf.models.DeepLinear([3, 4, 4, 2], key=KEY)) == [
        "balancedness of layers[0] → layers[1]",
        "balancedness of layers[1] → layers[2]",
    ]
    assert laws_of(nn.MLP(3, 2, 4, 2, key=KEY)) == [
        "rescaling of layers[0] → layers[1]",
        "rescaling of layers[1] → layers[2]",
    ]
    assert laws_of(Nested([gf.models.MLP([3, 4, 3], key=KEY)], linear(3, 2))) == [
        "rescaling of inner[0].layers[0] → inner[0].layers[1]"
    ]
    assert laws_of(linear(3, 2)) == []
    assert laws_of(linear(3, 2), "softmax_cross_entropy") == [
        "column sums of weight",
        "sum of bias",
    ]
    assert laws_of(gf.models.MLP([3, 4, 2], key=KEY, activation="tanh")) == []
    sigmoid_last = gf.models.MLP([3, 2], key=KEY, final_activation="sigmoid")
    assert laws_of(sigmoid_last, "softmax_cross_entropy") == []


def test_laws_of_sequences():
    nn, linear = eqx.nn, lambda i, o, **k: eqx.nn.Linear(i, o, key=KEY, **k)
    relu = nn.Lambda(jax.nn.relu)
    plain = nn.Sequential([linear(3, 4), relu, nn.Identity(), linear(4, 2)])
    assert laws_of(plain) == ["rescaling of layers[0] → layers[3]"]
    between = nn.Sequential([linear(3, 4), relu, nn.LayerNorm(4), linear(4, 2)])
    assert laws_of(between) == ["rescaling of layers[2] → layers[3]"]
    before = nn.Sequential(
        [linear(3, 4), nn.LayerNorm(4), linear(4, 4), relu, linear(4, 2)]
    )
    assert laws_of(before) == [
        "rescaling of layers[1] → layers[2]",
        "rescaling of layers[2] → layers[4]",
        "column sums of layers[0].weight",
        "sum of layers[0].bias",
    ]
    twice = nn.Sequential([linear(3, 4), relu, nn.Lambda(jnp.tanh), linear(4, 2)])
    assert laws_of(twice) == []
    inside = nn.Sequential([gf.models.MLP([3, 4, 3], key=KEY), linear(3, 2)])
    assert laws_of(inside) == [
        "rescaling of layers[0].layers[0] → layers[0].layers[1]",
        "balancedness of layers[0].layers[1] → layers[1]",
    ]


def test_what_is_frozen_has_no_law():
    assert laws_of(NET, trainable=["layers[0]"]) == []
    weights = ["layers[0].weight", "layers[1].weight"]
    # The one hidden unit whose bias is frozen at 0 keeps its law.
    unit = "rescaling of layers[0].weight[1, :] → layers[1].weight[:, 1]"
    assert laws_of(NET, trainable=weights) == [unit]
    kept = ["layers[0]", "layers[1].weight"]
    assert laws_of(NET, trainable=kept) == ["rescaling of layers[0] → layers[1]"]


def test_rates_enter_the_laws():
    """With θ' = −s∘∇L, Σ U²/s_U − Σ V²/s_V − b²/s_b."""
    plain = gf.Problem(NET, "mse", (X, jnp.ones((5, 2))))
    rates = jax.tree_util.tree_map(lambda p: 1 + p**2, plain.parameters)
    problem = gf.Problem(NET, "mse", (X, jnp.ones((5, 2))), time_scale=rates)
    (law,) = rescaling(problem, FLOW)
    expected = np.sum(B**2 / (1 + B**2), axis=0) - np.sum(A**2 / (1 + A**2), axis=1)
    expected -= A_BIAS**2 / (1 + A_BIAS**2)
    np.testing.assert_allclose(law(0.0, NET), expected, rtol=1e-12)
    (diagonal,) = balancedness(problem, FLOW)
    assert diagonal(0.0, NET).shape == (4,)


def test_decay_is_stated():
    problem = gf.Problem(NET, "mse", (X, jnp.ones((5, 2))))
    (law,) = gf.known_laws(problem, gf.GradientFlow(weight_decay=0.25))
    assert law.decay_rate == 0.5
    assert gf.known_laws(problem, FLOW)[0].decay_rate is None
