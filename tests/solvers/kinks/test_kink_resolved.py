"""Flows across and along kinks, against closed forms and an independent reference."""

from pathlib import Path

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.solvers import KinkResolved

FLOW = gf.GradientFlow()
REFERENCE = Path(__file__).parents[3] / "experiments/work_precision/reference"


def solve(problem, t1, rtol, **options):
    return gf.solve(
        options.pop("flow", FLOW),
        problem,
        t1=t1,
        rtol=rtol,
        solver=options.pop("solver", KinkResolved()),
        saveat=np.array([t1]),
        max_steps=5000,
        **options,
    )


@pytest.fixture(scope="module")
def pulls():
    """Four numbers, each under forces of its own that change at 0.

    Σ_k ½(relu(u_k) + v_k − a_k)² + ½(relu(−u_k) − b_k)² + ½(u_k − c_k)² r_k over the
    five samples k, where v flows in the last one alone.
    """

    def apply(p, x):
        u = x["k"] @ p["u"]
        v = x["k"][4] * p["v"]
        return jnp.stack([jax.nn.relu(u) + v, jax.nn.relu(-u), u]) * x["weight"]

    # Crossed on the way down; held; crossed; never reached; held and let go.
    a = np.array([-1.0, -1.0, 2.0, 1.0, 0.0])
    b = np.array([2.0, -0.5, -1.0, 0.0, 0.0])
    c = np.array([0.0, 0.0, 0.0, 0.0, 0.25])
    weight = np.ones((5, 3))
    weight[:4, 2] = 0
    weight[4, 1] = 0
    inputs = {"k": np.eye(5), "weight": weight}
    targets = weight * np.stack([a, b, c], axis=1)
    start = {"u": np.array([1.0, 0.5, -1.0, 0.5, 0.2]), "v": np.asarray(1.0)}
    half = lambda p, y: 0.5 * jnp.sum((p - y) ** 2)
    return gf.Problem.from_function(
        apply, start, half, (inputs, targets), time_scale=5.0
    )


def pulled(t):
    """u and v at time t, before the last one is let go."""
    first, third = np.log(2.0), np.log(2.0)
    down = lambda t: -2 + 2 * np.exp(-(t - first))
    up = lambda t: 2 - 2 * np.exp(-(t - third))
    return np.array([down(t), 0.0, up(t), 1 - 0.5 * np.exp(-t)])


def test_kinks_are_crossed_and_hold_the_flow_at_the_right_times(pulls):
    found = solve(pulls, 1.0, 1e-10)
    u = np.asarray(found.parameters.params["u"])
    np.testing.assert_allclose(u[:4], pulled(1.0), atol=2e-9)
    crossings = [(k.sample, k.what, k.t) for k in found.kinks]
    assert [c[:2] for c in crossings if c[0] == 1] == [(1, "held")]
    times = {c[0]: c[2] for c in crossings}
    assert times[0] == pytest.approx(np.log(2.0), abs=1e-9)
    assert times[1] == pytest.approx(np.log(1.5), abs=1e-9)
    assert times[2] == pytest.approx(np.log(2.0), abs=1e-9)
    assert 3 not in times


def let_go():
    """u' = −(relu(u) + v)1[u > 0] − (u − c), v' = −(relu(u) + v), c = ¼.

    From u = 0.2, v = 1 it falls to u = 0 and is held there, with v' = −v, until v = c.
    """
    matrix = np.array([[-2.0, -1.0], [-1.0, -1.0]])
    values, vectors = np.linalg.eigh(matrix)
    force = np.array([0.25, 0.0])
    rest = -np.linalg.solve(matrix, force)

    def open_side(start, t):
        turned = vectors.T @ (start - rest)
        return rest + vectors @ (np.exp(values * t) * turned)

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        above = open_side(np.array([0.2, 1.0]), middle)[0] > 0
        low, high = (middle, high) if above else (low, middle)
    v = open_side(np.array([0.2, 1.0]), low)[1]
    leaves = low + np.log(v / 0.25)
    end = open_side(np.array([0.0, 0.25]), 3.0 - leaves)
    return low, leaves, end


def test_the_flow_is_held_until_its_gate_opens(pulls):
    held, left, end = let_go()
    found = solve(pulls, 3.0, 1e-10)
    params = found.parameters.params
    np.testing.assert_allclose([params["u"][4], params["v"]], end, atol=5e-9)
    its = [(k.what, k.t) for k in found.kinks if k.sample == 4]
    assert ("held", pytest.approx(held, abs=1e-8)) in its
    assert ("left", pytest.approx(left, abs=1e-5)) in its


def small():
    """2-20-1 on 50 samples: 21 kinks and one sliding up to t = 2."""
    r = np.random.default_rng(7)
    x = r.standard_normal((50, 2))
    y = np.sin(2 * x[:, :1]) * x[:, 1:]
    weights = r.standard_normal(40), np.zeros(20), r.standard_normal(20) * np.sqrt(0.1)
    model = gf.models.MLP([2, 20, 1], activation="relu", key=jax.random.key(0))
    one, two = model.layers
    model = eqx.tree_at(
        lambda m: [m.layers[0].weight, m.layers[0].bias, m.layers[1].weight],
        model,
        [
            jnp.asarray(weights[0].reshape(20, 2)),
            jnp.asarray(weights[1]),
            jnp.asarray(weights[2].reshape(1, 20)),
        ],
    )
    model = eqx.tree_at(lambda m: m.layers[1].bias, model, jnp.zeros(1))
    return gf.Problem(model, "mse", (x, y))


def test_the_error_follows_the_tolerance_through_kinks_and_sliding():
    problem = small()
    laws = gf.known_laws(problem, FLOW)
    with np.load(REFERENCE / "relu_small.npz") as file:
        exact = np.asarray(file["high"][0])
    errors, spent = [], []
    for rtol in (1e-5, 1e-8, 1e-11):
        found = solve(problem, 2.0, rtol, laws=laws, law_rates=True)
        state = np.concatenate([x.ravel() for x in jax.tree.leaves(found.state)])
        errors.append(np.linalg.norm(state - exact) / np.linalg.norm(exact))
        spent.append(found.cost.gradient_equivalents)
        assert int(found.rejected_steps) <= 8
        (_, what), *_ = found.events
        assert what == "21 kinks crossed, 1 held the flow"
        values = found.laws["rescaling of layers[0] → layers[1]"]
        assert np.max(np.abs(values[-1] - values[0])) < 100 * rtol
        rate = found.law_rates["rescaling of layers[0] → layers[1]"]
        assert np.max(np.abs(rate.largest[-1])) < 1e-13
    assert errors[0] < 5e-5 and errors[1] < 1e-8 and errors[2] < 1e-11
    assert spent[2] < 2500


def test_what_it_is_not_for():
    problem = small()
    with pytest.raises(gf.SolveError, match="no derivative.*dopri8"):
        loss = lambda p: solve(problem.with_parameters(p), 0.1, 1e-5).losses[-1]
        jax.grad(loss)(problem.parameters)
    with pytest.raises(gf.SolveError, match="gradient of its loss alone"):
        solve(problem, 0.1, 1e-5, flow=gf.NaturalGradientFlow())
    with pytest.raises(gf.SolveError, match="explicit Runge–Kutta"):
        KinkResolved(diffrax.Kvaerno5())
    steps = gf.Problem.from_function(
        lambda p, x: jnp.floor(p @ x), jnp.ones(2), "mse", (np.eye(2), np.ones(2))
    )
    with pytest.raises(gf.SolveError, match="cannot be read: .*floor"):
        solve(steps, 0.1, 1e-5)


def test_a_smooth_model_gets_the_solver_inside():
    model = gf.models.MLP([2, 4, 1], activation="gelu", key=jax.random.key(0))
    x = np.random.default_rng(0).standard_normal((10, 2))
    problem = gf.Problem(model, "mse", (x, x[:, :1]))
    one, two = (solve(problem, 1.0, 1e-6, solver=s) for s in (KinkResolved(), "tsit5"))
    for a, b in zip(jax.tree.leaves(one.state), jax.tree.leaves(two.state)):
        np.testing.assert_array_equal(a, b)
    assert one.cost.gradients == two.cost.gradients
