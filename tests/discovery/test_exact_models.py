"""Exact mode on models and on a user's own φ, beside the black box."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy

import gfflow as gf
from gfflow.flows import MirrorFlow, MomentumFlow, WeightDecay
from gfflow.models import MLP, DeepLinear, relu_squared

from ..variants import variants

KEY = jax.random.key(0)
CE = "softmax_cross_entropy"

MODELS = {
    "linear": (DeepLinear([3, 2, 3, 2], key=KEY), (3,)),
    "linear with bias": (DeepLinear([3, 2, 4], bias=True, key=KEY), (3,)),
    "relu": (MLP([3, 4, 2], bias=False, key=KEY), (3,)),
    "deep relu with bias": (MLP([2, 3, 3, 2], key=jax.random.key(7)), (2,)),
    "leaky relu": (MLP([3, 4, 2], activation="leaky_relu", key=KEY), (3,)),
    "relu squared": (
        MLP([2, 3, 2], activation=relu_squared, bias=False, key=KEY),
        (2,),
    ),
    "softmax": (eqx.nn.Linear(4, 3, key=KEY), (4,), CE),
    "relu and softmax": (MLP([3, 4, 3], key=KEY), (3,), CE),
    "linear and softmax": (DeepLinear([3, 2, 4], key=KEY), (3,), CE),
}


@pytest.mark.parametrize("name", MODELS)
def test_exact_agrees_with_the_black_box(name):
    proved = gf.discover(MODELS[name], exact=True)
    seen = gf.discover(MODELS[name])
    assert proved.complete and seen.complete and proved.number == seen.number
    assert set(proved.expressions.values()) == set(seen.expressions.values()) or (
        spans_equal(proved.laws, seen.laws, MODELS[name][0])
    )
    assert proved.certificate.method == "exact" and len(proved.certificate.primes) == 2


def spans_equal(first, second, model):
    """Gradients at a random point span the same space."""
    random = np.random.default_rng(5)
    drawn = lambda a: jnp.asarray(random.normal(size=a.shape), a.dtype)
    moved = jax.tree_util.tree_map(
        lambda a: drawn(a) if eqx.is_inexact_array(a) else a, model
    )

    def rows(laws):
        @eqx.filter_jit
        def slopes(model):
            return [eqx.filter_grad(lambda m: law(0.0, m))(model) for law in laws]

        arrays = [jax.tree.leaves(slope) for slope in slopes(moved)]
        return np.stack([np.concatenate([np.ravel(a) for a in s]) for s in arrays])

    a, b = rows(first), rows(second)
    rank = np.linalg.matrix_rank
    return rank(a) == rank(b) == rank(np.concatenate([a, b]))


@pytest.mark.parametrize("friction", variants([0.0, 0.5, gf.nesterov], slow=[0.0, 0.5]))
def test_exact_momentum(friction):
    flow = MomentumFlow(friction)
    model = (DeepLinear([2, 2, 2], key=KEY), (2,))
    proved, seen = gf.discover(model, flow, exact=True), gf.discover(model, flow)
    assert proved.complete and proved.number == seen.number == 1
    law, other = proved.laws[0], seen.laws[0]
    problem = gf.Problem(model[0], "mse", (jnp.ones((2, 2)), jnp.ones((2, 2))))
    state = flow.initial_state(problem)
    random = np.random.default_rng(0)
    state = jax.tree_util.tree_map(
        lambda a: jnp.asarray(random.normal(size=a.shape)), state
    )
    view = flow.view(state, problem)
    np.testing.assert_allclose(abs(law(1.7, view)), abs(other(1.7, view)), rtol=1e-12)


def test_exact_mirror_flow():
    positive = jax.tree_util.tree_map(
        lambda a: jnp.abs(a) if eqx.is_inexact_array(a) else a,
        DeepLinear([4, 2, 3], key=KEY),
    )
    flow = MirrorFlow("entropy")
    proved = gf.discover((positive, (4,)), flow, exact=True)
    assert proved.complete and proved.number == 2
    assert all(law.degree == "linear" for law in proved.laws)


def test_a_users_own_parametrisation():
    u, v = sympy.IndexedBase("u"), sympy.IndexedBase("v")
    phi = gf.exact.from_sympy(
        [u[i] * v[j] for i in range(2) for j in range(3)], {"u": (2,), "v": (3,)}
    )
    found = gf.discover(phi)
    assert found.complete and list(found.expressions.values()) == [
        "sum(v**2) - sum(u**2)"
    ]


BAD = {
    "activation": lambda: (MLP([3, 4, 2], activation="tanh", key=KEY), (3,)),
    "one layer": lambda: (eqx.nn.Linear(3, 2, key=KEY), (3,)),
    "not a chain": lambda: (lambda x, w=jnp.ones(3): x, (3,)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_exact_mode_does_not_know(name):
    with pytest.raises(gf.GFFlowError):
        gf.discover(BAD[name](), exact=True)


def test_weight_decay_of_laws_of_several_degrees():
    """Under the entropy of U, 2 Σ_o U_ok − ‖v_k‖²: its parts decay at two rates."""
    model = MLP([2, 2, 2], bias=False, key=KEY)
    weight = lambda m: m.layers[1].weight
    model = eqx.tree_at(weight, model, jnp.abs(weight(model)))
    flow = MirrorFlow({"layers[1]": "entropy"}, dual=False)
    still = gf.discover((model, (2,)), flow, exact=True)
    assert still.complete and still.number == 2
    with pytest.raises(gf.DiscoveryError, match="all its monomials are of one degree"):
        gf.discover((model, (2,)), WeightDecay(flow, 0.3), exact=True)
    decaying = gf.discover(MODELS["relu"], gf.GradientFlow(0.3), exact=True)
    assert decaying.complete
    assert all(float(law.decay_rate) == 0.6 for law in decaying.laws)
