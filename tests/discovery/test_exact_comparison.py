"""No certificate of a φ that the model is no function of, or sees only a part of."""

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
import sympy

import gfflow as gf
from gfflow.models import MLP, DeepLinear

from ..annotations import wrong_arguments
from ..variants import variants
from .discovery_models import attention, of_shapes, swiglu

KEY = jax.random.key(0)
relu, stop = jax.nn.relu, jax.lax.stop_gradient
families = gf.exact.families


def network(function, inputs: int = 3, **shapes):
    """A model of V (4, 3) and U (2, 4) unless other shapes are given."""
    return of_shapes(function, **(shapes or {"V": (4, 3), "U": (2, 4)})), (inputs,)


def through(activation):
    return network(lambda x, U, V: U @ activation(V @ x))


class Called(eqx.Module):
    """A function of two layers and x, whatever their classes would do."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    function: object = eqx.field(static=True)

    def __init__(self, function):
        self.first = eqx.nn.Linear(3, 4, key=KEY)
        self.second = eqx.nn.Linear(4, 2, key=KEY)
        self.function = function

    def __call__(self, x):
        return self.function(x, self.first, self.second)


def of_layers(function):
    return Called(function), (3,)


BIASED = {"V": (4, 3), "b": (4,), "U": (2, 4), "c": (2,)}
NO_CHAIN, OFF, OTHER = "shares its units", "off the span of ∂φ", "its output is another"
FEWER = "and those of φ"
REFUSED = {
    "sorting": (through(jnp.sort), NO_CHAIN),
    "half of the units": (
        through(lambda z: jnp.where(jnp.arange(4) < 2, z, jnp.tanh(z))),
        NO_CHAIN,
    ),
    "the largest two": (
        through(lambda z: jnp.where(z >= jnp.sort(z)[2], z, 0.0)),
        OTHER,
    ),
    "clamp at 1e6": (through(lambda z: jnp.clip(z, -1e6, 1e6)), OFF),
    "clamp at 1e12": (through(lambda z: jnp.clip(z, -1e12, 1e12)), OFF),
    "clamped relu": (through(lambda z: jnp.clip(z, 0.0, 1e6)), OFF),
    "dead zone": (through(lambda z: jnp.where(abs(z) > 1e-6, z, 0.0)), OFF),
    "nearly relu": (through(lambda z: relu(z) + 1e-7 * jnp.tanh(z)), NO_CHAIN),
    "straight through": (
        through(lambda z: z + stop(jnp.round(z) - z)),
        NO_CHAIN,
    ),
    "half a gradient": (
        network(lambda x, U, V: (0.5 * U + 0.5 * stop(U)) @ relu(V @ x)),
        OTHER,
    ),
    "frozen inside": (
        of_layers(lambda x, a, b: b(relu(stop(a.weight) @ x + a.bias))),
        "no gradient for first.weight",
    ),
    "frozen bias": (
        network(lambda x, U, V, b, c: U @ relu(V @ x + b) + stop(c), **BIASED),
        FEWER,
    ),
    "used twice": (network(lambda x, U, V: U @ relu(V @ x) + V[:2] @ x), NO_CHAIN),
    "in a penalty": (
        network(lambda x, U, V: jnp.append(U @ relu(V @ x), jnp.sum(V**2))),
        NO_CHAIN,
    ),
    "tied": (network(lambda x, V: V.T @ (V @ x), V=(4, 3)), NO_CHAIN),
    "indexed": (of_layers(lambda x, a, b: b(jnp.tanh(a(x)))), NO_CHAIN),
    "stacked": (
        network(
            lambda x, W: jax.lax.scan(lambda h, w: (relu(w @ h), None), x, W)[0],
            W=(2, 3, 3),
        ),
        "more than two axes",
    ),
    "shuffled": (through(lambda z: relu(z)[jnp.array([2, 0, 3, 1])]), NO_CHAIN),
    "some are linear": (
        through(lambda z: jnp.where(jnp.arange(4) < 2, relu(z), z)),
        FEWER,
    ),
    "one input": (
        network(lambda x, U, V: U @ relu(V @ x), 1, V=(4, 1), U=(2, 4)),
        FEWER,
    ),
    "float32": (
        through(lambda z: relu(z.astype(jnp.float32)).astype(jnp.float64)),
        "less than float64",
    ),
}
SLOW = ["half of the units", "clamped relu", "nearly relu", "tied", "indexed"]


@pytest.mark.parametrize("name", variants(REFUSED, slow=SLOW))
def test_what_is_no_function_of_phi_is_refused(name):
    model, words = REFUSED[name]
    with pytest.raises(gf.DiscoveryError, match=words):
        gf.discover(model, exact=True)


READ = {
    "dictionary": (through(relu), 4),
    "other way round": (
        network(lambda x, A, b, C: relu(x @ A + b) @ C, A=(3, 4), b=(4,), C=(4, 2)),
        4,
    ),
    "vectors": (network(lambda x, u, v: u @ (v * x[0]), 1, u=(4,), v=(4,)), 7),
    "single units": (
        network(lambda x, A, B, C: A @ (B @ (C @ x)), 2, A=(1, 3), B=(3, 1), C=(1, 2)),
        6,
    ),
    "a cube": (through(lambda z: z**3), 4),
    "a bias behind squares": (
        network(lambda x, U, V, b, c: U @ relu(V @ x + b) ** 2 + c, **BIASED),
        4,
    ),
    "indexed": (of_layers(lambda x, a, b: b(relu(a(x)))), 4),
    "a function of it": (network(lambda x, U, V: jnp.tanh(U @ relu(V @ x)) + x[:2]), 4),
    "one bias of two": (
        network(
            lambda x, A, B, b, C: A @ (B @ (C @ x) + b),
            A=(2, 3),
            B=(3, 3),
            b=(3,),
            C=(3, 3),
        ),
        12,
    ),
}


@pytest.mark.parametrize("name", variants(READ, slow=["dictionary", "indexed"]))
def test_chains_are_read_off_any_model(name):
    model, number = READ[name]
    found = gf.discover(model, exact=True)
    assert found.complete and found.number == number
    about = found.certificate.to_json()["about"]
    assert about["model"] == "phi read off it"
    assert set(about["dimensions_near_the_parameters"]) == {about["dimension_of_phi"]}
    assert about["largest_part_off_the_span"] < 1e-13
    assert about["parameters"] > 11 and about["gradients"] > 1000
    assert about["pairs_of_outputs"] > 1000 and about["largest_difference"] < 1e-13


def test_fewer_dimensions_near_the_start_are_said():
    """Biases of 0 are on the boundary of regions with units that are always on."""
    found = gf.discover((MLP([2, 3, 3, 2], key=KEY), (2,)), exact=True)
    assert len(found.laws) == 6 and not found.complete and found.number is None
    assert "it has more laws" in found.notes[0]


def test_an_own_parametrisation_of_a_model():
    found = gf.discover((attention(2, 3), (4, 3)), exact=families.attention(2, 3))
    assert found.complete and found.number == 6
    assert found.supports[found.laws[0].name] == ("arrays['Q']", "arrays['K']")
    assert found.certificate.to_json()["about"]["model"] == "given with phi"
    model = MLP([3, 4, 2], key=KEY), (3,)
    found = gf.discover(model, exact=families.relu((3, 4, 2), True))
    assert found.complete and found.number == 4
    assert "layers[0].weight" in found.supports[found.laws[0].name]


def test_the_metric_of_the_flow():
    model = of_shapes(lambda x, U, V: abs(U) @ (abs(V).T @ x), U=(4, 2), V=(3, 2))
    model = jax.tree_util.tree_map(abs, model)
    u, v = map(sympy.IndexedBase, "UV")
    product = [
        sum(u[i, k] * v[j, k] for k in (0, 1)) for i in range(4) for j in range(3)
    ]
    phi = gf.exact.from_sympy(product, {"U": (4, 2), "V": (3, 2)})
    found = gf.discover((model, (3,)), gf.MirrorFlow("entropy"), exact=phi)
    assert found.complete and found.number == 2
    assert {law.degree for law in found.laws} == {"linear"}


LINEAR = families.linear((3, 4, 2))
RENAMED = {"W1": "arrays['V']", "W2": "arrays['U']"}
BAD_OWN = {
    "sorting": (through(jnp.sort), LINEAR.renamed(RENAMED), OFF),
    "clamp": (
        through(lambda z: jnp.clip(z, -1e6, 1e6)),
        LINEAR.renamed({"W1": "V", "W2": "U"}),
        OFF,
    ),
    "dimension": (
        (DeepLinear([3, 4, 2], key=KEY), (3,)),
        families.relu((3, 4, 2)),
        FEWER,
    ),
    "order": (
        (attention(2, 3), (4, 3)),
        families.attention(2, 3).renamed({"V": "Q", "Q": "V"}),
        OFF,
    ),
    "name": (through(relu), LINEAR, "are called 'W1'; there are: arrays"),
    "shape": ((swiglu(3, 4, 3), (3,)), families.swiglu(3, 4, 2), r"A has the shape"),
    "left over": (
        (MLP([3, 4, 2], key=KEY), (3,)),
        LINEAR,
        r"layers\[0\].bias, layers\[1\].bias are left over",
    ),
    "metric": (through(relu), families.icnn(3, 4, 2, bias=False), "another metric"),
}


@pytest.mark.parametrize("name", variants(BAD_OWN, slow=["dimension"]))
def test_an_own_parametrisation_of_another_model(name):
    model, phi, words = BAD_OWN[name]
    with pytest.raises(gf.DiscoveryError, match=words):
        gf.discover(model, exact=phi)


@wrong_arguments
def test_bad_input():
    with pytest.raises(gf.DiscoveryError, match="no array 'W3'; there are: W1, W2"):
        LINEAR.renamed({"W3": "V"})
    with pytest.raises(gf.DiscoveryError, match="names of their own; got V, V"):
        LINEAR.renamed({"W1": "V", "W2": "V"})
    with pytest.raises(gf.DiscoveryError, match="exact is true, false or"):
        gf.discover(through(relu), exact="yes")
    with pytest.raises(gf.DiscoveryError, match="comes alone, or with the Problem"):
        gf.discover(LINEAR, exact=LINEAR)
    with pytest.raises(gf.DiscoveryError, match="each of 1 hidden layers"):
        families.relu((3, 4, 2), [True, False])
