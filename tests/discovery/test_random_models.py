"""Random architectures: no false law, none missed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.discovery.black_box._fields import Fields
from gfflow.discovery.black_box._places import everywhere
from gfflow.discovery.black_box._search import Search
from gfflow.discovery.polynomials import large_families
from gfflow.discovery.subject import subject_of

from ..variants import tuples, variants
from .discovery_models import attention, normalised, of_shapes

SMOOTH = "gelu silu softplus tanh sigmoid mish".split()


def network(random, activations, widths, bias, skips=False):
    """W_L σ_L(… σ_1(W_1 x + b_1)) with each its own activation."""

    def function(x, **arrays):
        for k, activation in enumerate(activations):
            z = arrays[f"W{k}"] @ x
            z = activation(z + arrays[f"b{k}"] if bias else z)
            x = x + z if skips and z.shape == x.shape else z
        return arrays[f"W{len(activations)}"] @ x

    shapes = {f"W{k}": (m, n) for k, (n, m) in enumerate(zip(widths, widths[1:]))}
    if bias:
        shapes |= {f"b{k}": (m,) for k, m in enumerate(widths[1:-1])}
    return of_shapes(function, seed=int(random.integers(1000)), **shapes)


@pytest.mark.parametrize("seed", variants(range(20), slow=range(8, 20)))
def test_no_false_law_of_a_smooth_model(seed):
    random = np.random.default_rng(seed)
    depth = int(random.integers(1, 4))
    widths = random.integers(2, 6, depth + 2).tolist()
    chosen = [getattr(jax.nn, str(random.choice(SMOOTH))) for _ in range(depth)]
    model = network(random, chosen, widths, bool(seed % 2), bool(seed % 3 == 0))
    found = gf.discover((model, (widths[0],)), seed=seed)
    assert found.laws == []
    assert found.complete and found.number == 0


def leaky(z):
    return jnp.where(z > 0, z, 0.3 * z)


def square(z):
    return jax.nn.relu(z) ** 2


@pytest.mark.parametrize("seed", variants(range(5, 22), slow=range(13, 22)))
def test_no_missed_law_of_a_network_of_many_activations(seed):
    """A linear layer has r(r + 1)/2 laws where both its neighbours are as wide, a
    homogeneous one r, a smooth one none."""
    random = np.random.default_rng(100 + seed)
    depth = int(random.integers(1, 4))
    kinds = random.choice(["linear", "relu", "leaky", "square", "gelu"], depth)
    table = {
        "linear": lambda z: z,
        "relu": jax.nn.relu,
        "leaky": leaky,
        "square": square,
        "gelu": jax.nn.gelu,
    }
    widths = [int(n) for n in random.integers(3, 5, depth + 2)]
    number = 0
    for k, kind in enumerate(kinds):
        if kind == "linear":
            widths[k + 1] = 2
            number += 3
        elif kind != "gelu":
            number += widths[k + 1]
    model = network(random, [table[k] for k in kinds], widths, bool(seed % 2))
    found = gf.discover((model, (widths[0],)), seed=seed)
    assert found.number == number, (kinds, widths, found.notes)
    assert found.complete


def test_a_dead_unit():
    """Off for every input, whatever the weights nearby: nothing of it moves."""
    model = network(
        np.random.default_rng(0), [jax.nn.softplus, jax.nn.relu], [2, 3, 2, 2], False
    )
    weight = model.arrays["W1"]
    dead = {**model.arrays, "W1": weight.at[0].set(-jnp.abs(weight[0]) - 0.5)}
    found = gf.discover((type(model)(dead, model.function), (2,)))
    assert found.complete and found.number == 1 + 3 + 2
    assert any("region" in note for note in found.notes)


@pytest.mark.parametrize(
    "dim, width, units", tuples([(2, 2, 3), (3, 2, 2), (1, 3, 4)], slow=[(3, 2, 2)])
)
def test_attention_before_a_network(dim, width, units):
    """d(d + 1) of the head and one of each unit."""
    head = attention(dim, width)

    def function(x, U, W, **arrays):
        x = x + head.function(x, **arrays)
        return x + jax.nn.relu(x @ U.T) @ W

    shapes = {name: a.shape for name, a in head.arrays.items()}
    model = of_shapes(function, U=(units, width), W=(units, width), **shapes)
    found = gf.discover((model, (3, width)))
    assert found.number == dim * (dim + 1) + units, found.notes
    assert found.complete


def test_data_without_a_gradient():
    """Where all units are off a norm with ε = 0 is 0/0: brackets do without these. The
    linear layer has 3 laws, and the scale of all that the norm reads one."""

    def function(x, A, U, V):
        return A @ normalised(jax.nn.relu(U @ (V @ x)), False, 0.0)

    model = of_shapes(function, A=(2, 2), U=(2, 2), V=(2, 3))
    found = gf.discover((model, (3,)))
    assert found.complete and found.number == 4, found.notes


def test_polynomials_where_most_units_are_off():
    """Three inputs and a unit that many parameters switch off for all: what the fields
    at a few points do not tell from laws is left out before the rest is made exact."""

    def function(p, x):
        s = jax.nn.relu(p["u"] @ jnp.tanh(p["e"][x]))
        return p["w"] @ (p["g"] * jnp.stack([s, -s]).ravel())

    draw = np.random.default_rng(0).standard_normal
    arrays = {"e": draw((3, 2)), "u": draw((1, 2)), "g": draw(2), "w": draw((4, 2))}
    data = np.arange(6) % 3, draw((6, 4))
    problem = gf.Problem.from_function(function, arrays, "mse", data)
    subject = subject_of(problem, gf.GradientFlow())
    fields, random = Fields(subject), np.random.default_rng(0)
    every = np.ones(subject.size, bool)
    search = Search(fields, random, everywhere(fields, random))
    families = large_families(subject.layout, every, [list(range(subject.size))], 2)
    search.run(4, (one for one in families if one.unknowns == 171))
    assert len(search.laws) == 4


def test_nothing_moves():
    """What no parameter changes, here or anywhere; a layer that is off for every input.
    No field is other than 0, and all parameters are constants."""
    model = of_shapes(lambda x, a: (a @ x) * 0, a=(1, 2))
    found = gf.discover((model, (2,)))
    assert found.complete and found.number == 2, found
    off = -jnp.abs(of_shapes(lambda x: x, b=(2, 2)).arrays["b"]) - 0.5
    function = lambda x, b, c: c @ jax.nn.relu(b @ jax.nn.softplus(x))
    model = of_shapes(function, b=(2, 2), c=(1, 2))
    found = gf.discover((type(model)({**model.arrays, "b": off}, function), (2,)))
    assert found.complete and found.number == 6, found
    assert any("region of the start" in note for note in found.notes)


def test_no_finite_gradient():
    """0/0 of one entry is no law of all parameters."""
    function = lambda x, a, b: b @ normalised(a @ x, True, 0.0)
    found = gf.discover((of_shapes(function, a=(1, 2), b=(2, 1)), (2,)))
    assert found.laws == [] and found.upper_bound is None
    assert "finite" in found.notes[0]


def test_a_direction_that_a_frozen_layer_does_not_see():
    """F held still reads V relu(Ux): beside F and ‖u_k‖² − ‖v_k‖² the part of v_k
    that F does not see is constant, F₁V₂ₖ − F₂V₁ₖ."""

    def function(x, A, F, U, V):
        seen = jax.lax.stop_gradient(F) @ (V @ jax.nn.relu(U @ x))
        return A @ jnp.tanh(seen)

    model = of_shapes(function, A=(2, 1), F=(1, 2), U=(2, 2), V=(2, 2))
    found = gf.discover((model, (2,)))
    assert found.complete and found.number == 6, found
