"""Stochastic gradient flow: its noise, its Itô drift of laws, and closed forms."""

import itertools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf
from gfflow.flows import IsotropicNoise, MinibatchNoise
from gfflow.models import DeepLinear

from ..annotations import wrong_arguments

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=2, outputs=2, samples=6)
LINEAR = gf.Problem(DeepLinear([2, 2, 2], key=KEY), "mse", (X, Y))
[BALANCE] = gf.known_laws(LINEAR, gf.GradientFlow())


@eqx.filter_jit
def columns_of(noise, problem):
    parameters, count = problem.parameters, noise.columns(problem)
    column = noise.column(problem, parameters)
    combined = lambda unit: noise.combined(problem, parameters, unit)
    flat = lambda columns: jnp.stack([ravel_pytree(c)[0] for c in columns])
    single = flat([column(k) for k in range(count)])
    return single, flat([combined(unit) for unit in jnp.eye(count)])


def matrix(noise, problem):
    """C, a column each, by its two ways."""
    single, combined = columns_of(noise, problem)
    np.testing.assert_allclose(combined, single, rtol=1e-12, atol=1e-14)
    return np.asarray(single).T


@eqx.filter_jit
def gradient_of(problem):
    return ravel_pytree(problem.gradient(problem.parameters))[0]


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5]])
def test_the_covariance_is_that_of_a_minibatch(weights):
    """Over all ordered pairs of three samples, each drawn with its share."""
    model = DeepLinear([2, 1, 2], key=KEY)
    problem = gf.Problem(model, "mse", (X[:3], Y[:3]), weights=weights)
    share = np.full(3, 1 / 3) if weights is None else np.array(weights) / 3.5

    def gradient(n):
        one = gf.Problem(model, "mse", (X[n : n + 1], Y[n : n + 1]))
        return np.asarray(gradient_of(one))

    each = [gradient(n) for n in range(3)]
    mean = np.asarray(gradient_of(problem))
    wanted = sum(
        share[i] * share[j] * np.outer(*[(each[i] + each[j]) / 2 - mean] * 2)
        for i, j in itertools.product(range(3), repeat=2)
    )
    columns = matrix(MinibatchNoise(2), problem)
    np.testing.assert_allclose(columns @ columns.T, wanted, rtol=1e-10, atol=1e-14)
    isotropic = matrix(IsotropicNoise(0.3), problem)
    np.testing.assert_allclose(isotropic, 0.3 * np.eye(problem.size), rtol=1e-15)


def test_the_ito_drift_of_a_quadratic_law():
    """η Σ_k h(c_k), the η² h(g) of SGD, with rates: h of each column as parameters."""
    rates = eqx.filter(LINEAR.model, eqx.is_inexact_array)
    rates = jtu.tree_map(lambda x: jnp.asarray(0.5 + x.size), rates)
    problem = gf.Problem(LINEAR.model, "mse", (X, Y), time_scale=rates)
    flow = gf.StochasticFlow(0.1, 2)
    [law] = gf.known_laws(problem, gf.GradientFlow())

    @eqx.filter_jit
    def drifts(problem):
        column = flow.noise.column(problem, problem.parameters)
        shifts = [problem.scaled(column(k)) for k in range(6)]
        wanted = 0.1 * sum(law(0.0, problem.model_at(c)) for c in shifts)
        drift = flow.ito_drift(law, jnp.asarray(0.0), problem.parameters, problem)
        return drift, wanted

    drift, wanted = drifts(problem)
    np.testing.assert_allclose(drift, wanted, rtol=1e-10, atol=1e-13)


def test_laws_follow_their_ito_drift_along_every_path(record_property):
    """At strong order ½ of Euler–Maruyama."""
    flow, steps = gf.StochasticFlow(0.1, 2), (16, 64, 256)
    errors, traced, traces = [], [], []

    def balance(model):
        traced.append(model)
        return BALANCE.fn(model)

    law = gf.Law(balance)
    for count in steps:
        found = gf.solve_stochastic(
            flow, LINEAR, t1=0.5, steps=count, key=KEY, paths=200, laws=[law]
        )
        left = found.martingale("balance")[:, -1]
        traces.append(len(traced))
        errors.append(float(jnp.sqrt(jnp.mean(left**2))))
    assert traces[0] == traces[-1] > 0  # another number of steps compiles nothing
    moved = found.ito_drifts["balance"][:, -1]
    assert np.median(np.abs(moved)) > 5 * errors[-1]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    record_property("order of the Itô drift in the step", f"{slope:.3f}")
    assert abs(slope - 0.5) < 0.1, (slope, errors)


def test_isotropic_noise_in_the_mean():
    """E h = h(0) + ησ²(n − m) t on the diagonal of UᵀU − VVᵀ: U has n rows, V has m
    columns; within four standard errors."""
    problem = gf.Problem(DeepLinear([2, 2, 1], key=KEY), "mse", (X, Y[:, :1]))
    [law] = gf.known_laws(problem, gf.GradientFlow())
    flow = gf.StochasticFlow(0.2, IsotropicNoise(0.7))
    paths = 1000
    found = gf.solve_stochastic(
        flow, problem, t1=1.0, steps=50, key=KEY, paths=paths, laws=[law], saves=2
    )
    np.testing.assert_allclose(found.ts, [0.0, 0.5, 1.0])
    values = found.laws[law.name]
    assert found.losses.shape == (paths, 3) and values.shape == (paths, 3, 3)
    drift = found.ito_drifts[law.name][:, -1]
    wanted = np.tile(0.2 * 0.49 * (1 - 2) * np.array([1.0, 0.0, 1.0]), (paths, 1))
    np.testing.assert_allclose(drift, wanted, atol=1e-12)
    left = found.martingale(law.name)[:, -1]
    error = left.std(axis=0) / np.sqrt(paths)
    assert np.all(error > 0) and np.all(np.abs(left.mean(axis=0)) < 4 * error)


def test_an_ornstein_uhlenbeck_process():
    """L = θ²/2: mean e^{−t}θ₀ and variance ησ²(1 − e^{−2t})/2; and inside jit."""
    model = eqx.nn.Linear(1, 1, use_bias=False, key=KEY)
    one = jnp.ones((1, 1))
    problem = gf.Problem(model, "half_squared_error", (one, 0 * one))
    flow = gf.StochasticFlow(0.1, IsotropicNoise(2.0))

    @jax.jit
    def ends(key):
        found = gf.solve_stochastic(
            flow, problem, t1=0.7, steps=50, key=key, paths=4000
        )
        return found.parameters.weight.reshape(-1)

    theta = ends(KEY)
    start, variance = float(model.weight[0, 0]), 0.4 * (1 - np.exp(-1.4)) / 2
    assert abs(theta.mean() - start * np.exp(-0.7)) < 4 * np.sqrt(variance / 4000)
    assert abs(theta.var() / variance - 1) < 4 * np.sqrt(2 / 4000)


def test_column_sums_stay_under_minibatch_noise_and_paths_move():
    labels = jnp.arange(6) % 2
    problem = gf.Problem(
        eqx.nn.Linear(2, 2, key=KEY), "softmax_cross_entropy", (X, labels)
    )
    laws = gf.known_laws(problem, gf.GradientFlow())
    assert len(laws) == 2
    solve = lambda flow: gf.solve_stochastic(
        flow, problem, t1=2.0, steps=40, key=KEY, paths=3, laws=laws, saves=4
    )
    found = solve(gf.StochasticFlow(0.5, 1))
    assert np.std(found.losses[:, -1]) > 1e-3
    for law in laws:
        drift = found.laws[law.name] - found.laws[law.name][:, :1]
        assert np.max(np.abs(drift)) < 1e-14
        assert np.max(np.abs(found.ito_drifts[law.name])) < 1e-14
    still = solve(gf.StochasticFlow(0.0, 1))
    assert np.ptp(still.losses[:, -1]) == 0 and still.losses[0, -1] < still.losses[0, 0]


@wrong_arguments
def test_bad_input():
    flow = gf.StochasticFlow(0.1, 2)
    run = lambda **settings: gf.solve_stochastic(
        **{"flow": flow, "problem": LINEAR, "t1": 1.0, "steps": 4, "key": KEY}
        | settings
    )
    with pytest.raises(gf.SolveError, match="got GradientFlow"):
        run(flow=gf.GradientFlow())
    with pytest.raises(gf.SolveError, match="multiple of saves = 3; got 4"):
        run(saves=3)
    with pytest.raises(gf.SolveError, match="paths is a number above 0; got 0"):
        run(paths=0)
    with pytest.raises(gf.SolveError, match="t1 must be after"):
        run(t1=0.0)
    with pytest.raises(gf.SolveError, match="converge to the Itô solution.*EulerHeun"):
        run(solver=diffrax.EulerHeun())
    with pytest.raises(gf.SolveError, match="solve_stochastic takes a StochasticFlow"):
        gf.solve(flow, LINEAR, t1=1.0)
    with pytest.raises(gf.SolveError, match="learning_rate must be at least 0"):
        gf.StochasticFlow(-1.0)
    with pytest.raises(gf.SolveError, match="noise is"):
        gf.StochasticFlow(0.1, "minibatch")
    with pytest.raises(gf.SolveError, match="batch must be above 0; got 0"):
        MinibatchNoise(0)
    with pytest.raises(gf.SolveError, match="scale must be at least 0"):
        IsotropicNoise(-1.0)
