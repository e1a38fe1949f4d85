"""Iterates, time, thresholds, batches, divergence, jit: see tests/README.md."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gfflow as gf
from gfflow import discrete

from ..analytic import product_problem, product_solution
from ..annotations import wrong_arguments
from .optimiser_cases import (
    adam_iterates,
    iterates,
    network,
    product_gradient,
    quadratic,
)

START = (1.3, 0.4)
COMPILED = "/jax/core/compile/backend_compile_duration"
EVENTS: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, duration, **_: EVENTS.append(event)
)


def path(run):
    return np.stack([run.states.u, run.states.v], axis=1)


def run(optimiser, eta=0.05, steps=40, **options):
    flow = gf.DiscreteFlow(optimiser, eta, **options)
    return flow.run(product_problem(*START), save=range(1, steps + 1))


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("kind", ["sgd", "heavy_ball", "nesterov", "sign", "adam"])
def test_iterates_by_hand(kind, decay):
    found = run(getattr(discrete, kind)(weight_decay=decay))
    if kind == "adam":
        wanted = adam_iterates(product_gradient, START, 0.05, 40, decay=decay)
    else:
        wanted = iterates(kind, product_gradient, START, 0.05, 40, decay=decay)
    np.testing.assert_allclose(path(found), wanted, rtol=1e-13)
    assert found.status_name == "successful" and found.finished
    np.testing.assert_array_equal(found.steps, np.arange(41))
    np.testing.assert_allclose(found.losses, (wanted.prod(1) - 2) ** 2 / 2, atol=1e-14)
    norms = [np.linalg.norm(product_gradient(theta)) for theta in wanted]
    np.testing.assert_allclose(found.gradient_norms, norms, atol=1e-13)
    np.testing.assert_array_equal(found.model.u, found.states.u[-1])


def test_any_transformation():
    """A factory, a transformation with its own rate, a schedule, a line search."""
    wanted = path(run("adam"))
    np.testing.assert_allclose(path(run(optax.adam)), wanted, rtol=1e-12)
    np.testing.assert_allclose(path(run(optax.adam(0.05))), wanted, rtol=1e-12)
    halves = optax.piecewise_constant_schedule(0.1, {10: 0.5})
    found = run("sgd", halves)
    np.testing.assert_allclose(np.asarray(found.ts)[[10, 40]], [1.0, 2.5], rtol=1e-14)
    assert gf.DiscreteFlow("sgd", halves).steps_until(product_problem(), 2.5) == 40
    first = iterates("sgd", product_gradient, START, 0.1, 10)
    rest = iterates("sgd", product_gradient, first[-1], 0.05, 30)
    np.testing.assert_allclose(path(found)[10:], rest, rtol=1e-13)
    assert run(optax.lbfgs()).losses[-1] < 1e-20


@pytest.mark.parametrize("kind", ["sgd", "heavy_ball", "nesterov"])
def test_first_order_in_the_step_on_the_flow_s_time(kind):
    """The distance from the closed form halves with the step."""
    errors = []
    for steps in (400, 800):
        method = getattr(discrete, kind)()
        span = float(method.time(1.0))
        assert span == pytest.approx(1 if kind == "sgd" else 10)
        found = gf.DiscreteFlow(method, 2.0 / (span * steps)).run(
            product_problem(*START), t1=2.0
        )
        assert found.ts[-1] == pytest.approx(2.0, rel=1e-14)
        assert found.steps[-1] == steps
        exact = np.array(product_solution(2.0, *START))
        errors.append(np.linalg.norm(path(found)[-1] - exact))
    assert 1.85 < errors[0] / errors[1] < 2.15


def test_first_order_in_the_step_on_the_momentum_flow_s_time():
    """√η a step, friction (1 − β)/√η, velocities (θ_k − θ_{k−1})/√η."""
    problem, errors = product_problem(*START), []
    flow = gf.MomentumFlow(friction=1.5)
    speed = gf.Law(lambda phase: phase.velocity.u, "speed")
    exact = gf.solve(flow, problem, t1=2.0, rtol=1e-11, solver="dopri8", laws=[speed])
    for steps in (400, 800):
        span = 2.0 / steps
        ball = discrete.heavy_ball(1 - 1.5 * span)
        method = gf.DiscreteFlow(ball, span**2, second_order=True)
        found = method.run(problem, t1=2.0, laws=[speed])
        assert found.steps[-1] == steps and found.laws["speed"][0] == 0
        errors.append(
            [
                float(abs(found.parameters.u - exact.parameters.u)),
                float(abs(found.laws["speed"][-1] - exact.laws["speed"][-1])),
            ]
        )
    ratios = np.divide(*errors)
    assert np.all((ratios > 1.9) & (ratios < 2.1))


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["sgd", "heavy_ball", "nesterov"])
def test_the_threshold_is_where_a_quadratic_goes_unstable(kind, decay):
    method = getattr(discrete, kind)(weight_decay=decay)
    eta = 0.01
    edge = float(method.threshold(eta)) - decay
    for sharpness, stable in ((0.99 * edge, True), (1.01 * edge, False)):
        found = gf.DiscreteFlow(method, eta).run(quadratic([sharpness]), steps=3000)
        assert (abs(float(found.parameters.weight[0])) < 0.1) == stable
    assert discrete.adam().threshold(eta) is None


def test_a_step_sees_the_time_scale():
    plain = run("sgd", 0.1)
    scaled = gf.DiscreteFlow("sgd", 0.05).run(
        product_problem(*START, time_scale=2.0), save=range(1, 41)
    )
    np.testing.assert_allclose(path(scaled), path(plain), rtol=1e-13)
    own = run("sgd", 0.1, time_per_step=0.25)
    np.testing.assert_array_equal(own.ts, 0.25 * np.arange(41))


def test_batches_without_replacement_are_a_permutation_an_epoch():
    """Each step adds η times the inputs of its batch to θ, by powers of 10."""
    inputs = jnp.asarray(10.0 ** np.arange(5))[:, None]
    model = gf.models.DeepLinear([1, 1], key=jax.random.key(0))
    problem = gf.Problem(model, lambda z, y: -z[0], (inputs, inputs))
    seen = {}
    for replacement in (False, True):
        flow = gf.DiscreteFlow("sgd", 2.0, batch=2, replacement=replacement, seed=3)
        found = flow.run(problem, save=range(1, 41))
        moved = np.diff(np.asarray(found.states.layers[0].weight).ravel())
        digits = [np.round(m).astype(int) for m in moved]
        counts = np.array([[d // 10**i % 10 for i in range(5)] for d in digits])
        assert np.all(counts.sum(1) == 2)
        epochs = counts.reshape(20, 2, 5).sum(1)
        once = np.all(epochs <= 1)
        assert once != replacement
        assert np.all(counts.sum(0) > 4)
        seen[replacement] = digits
        again = flow.run(problem, save=range(1, 41))
        np.testing.assert_array_equal(again.losses, found.losses)
    assert seen[False][:2] != seen[False][2:4]


def test_the_mean_over_batches_is_the_gradient():
    """With weights of the samples too."""
    weights = np.linspace(0.5, 2.0, 24)
    problem = network("tanh", weights=weights)
    batches = gf.DiscreteFlow("sgd", 1.0, batch=6).batches

    @jax.jit
    def gradient(step, order):
        samples, order = batches.draw(24, step, order)
        part = batches.part(problem, samples)
        return part.gradient(problem.parameters).layers[0].weight, order

    order, total = batches.first_order(24), 0.0
    for step in range(4):
        slope, order = gradient(jnp.asarray(step), order)
        total = total + np.asarray(slope) / 4
    whole = eqx.filter_jit(problem.gradient)(problem.parameters).layers[0].weight
    np.testing.assert_allclose(total, whole, rtol=1e-12, atol=1e-15)


def test_divergence_keeps_what_there_was():
    found = run("sgd", 3.0, steps=60)
    with np.errstate(over="ignore", invalid="ignore"):
        wanted = iterates("sgd", product_gradient, START, 3.0, 12)
    finite = len(found.ts)
    assert found.status_name == "non_finite" and not found.finished
    assert 3 <= finite <= 12 and np.all(np.isfinite(found.losses))
    np.testing.assert_allclose(path(found), wanted[:finite], rtol=1e-10)
    np.testing.assert_array_equal(found.parameters.u, found.states.u[-1])
    late = gf.DiscreteFlow("sgd", 3.0).run(product_problem(*START), save=[2, 50, 60])
    assert late.steps.tolist() == [0, 2, finite - 1]
    at_once = gf.DiscreteFlow("sgd", 1e300).run(product_problem(*START), steps=5)
    assert at_once.steps.tolist() == [0] and at_once.status_name == "non_finite"


def test_inside_jit_and_vmap():
    problem = product_problem(*START)
    law = gf.symbolic("u**2 - v**2", "c")

    def last(eta):
        found = gf.DiscreteFlow("heavy_ball", eta).run(problem, steps=30, laws=[law])
        return found.losses, found.residuals["c"], found.status

    rates = jnp.asarray([0.01, 0.05, 20.0])
    losses, residuals, _ = jax.jit(jax.vmap(last))(rates)
    for i, eta in enumerate(rates):
        alone = gf.DiscreteFlow("heavy_ball", eta).run(problem, steps=30, laws=[law])
        n = len(alone.losses)
        np.testing.assert_allclose(losses[i][:n], alone.losses, rtol=1e-10)
        assert alone.finished == (n == losses.shape[1])
        assert np.all(np.isnan(losses[i][n:]))
    assert np.max(residuals[:2]) < 1e-15


def test_numbers_compile_nothing():
    def call(eta, beta, steps, seed):
        method = discrete.heavy_ball(beta, weight_decay=beta / 10)
        flow = gf.DiscreteFlow(method, eta, batch=5, seed=seed)
        return flow.run(network(samples=20), steps=steps)

    call(0.01, 0.9, 1000, 0)
    compiled = EVENTS.count(COMPILED)
    assert compiled > 0
    found = call(0.02, 0.8, 1003, 1)
    assert EVENTS.count(COMPILED) == compiled
    assert found.steps[-1] == 1003


def test_single_precision_stays():
    problem = product_problem(*START, dtype=jnp.float32)
    law = gf.symbolic("u**2 - v**2", "c")
    for method in ("adam", "heavy_ball", optax.rmsprop):
        found = gf.DiscreteFlow(method, 0.05).run(problem, steps=20, laws=[law])
        assert found.ts.dtype == found.losses.dtype == jnp.float32
        assert found.parameters.u.dtype == jnp.float32


@wrong_arguments
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: gf.DiscreteFlow("adamm", 0.1), "did you mean 'adam'"),
        (lambda: gf.DiscreteFlow(3, 0.1), "got int"),
        (lambda: gf.DiscreteFlow("sgd", -0.1), "learning_rate must be positive"),
        (lambda: gf.DiscreteFlow("sgd", 0.1, batch=0), "positive number of samples"),
        (lambda: gf.DiscreteFlow("sgd", 0.1, replacement=True), "give batch too"),
        (lambda: gf.DiscreteFlow("sgd", 0.1, second_order=True), "with momentum"),
        (lambda: discrete.heavy_ball(1.0), r"momentum must be in \[0, 1\)"),
        (lambda: run("sgd", steps=0), "steps"),
        (lambda: run("sgd", batch=2), "from 1 to the number of samples, 1; got 2"),
    ],
)
def test_bad_settings(make, words):
    with pytest.raises(gf.SolveError, match=words):
        make()


@wrong_arguments
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "needs steps, t1"),
        ({"steps": 3, "t1": 1.0}, "not both"),
        ({"steps": 2.5}, "whole number"),
        ({"t1": 1e-3}, "1 to 2³¹ of them"),
        ({"steps": 5, "save": [3, 2]}, "must increase"),
        ({"steps": 5, "save": [9]}, "lie in 0 to 5"),
        ({"steps": 5, "save": [0.5]}, "whole numbers"),
    ],
)
def test_bad_steps(options, words):
    with pytest.raises(gf.SolveError, match=words):
        gf.DiscreteFlow("sgd", 0.1).run(product_problem(), **options)


def test_steps_of_a_schedule():
    """5000 steps of 1/1024 need two batches of them; a sum that ends is an error."""
    problem = product_problem()
    until = lambda rate, t1: gf.DiscreteFlow("sgd", rate).steps_until(problem, t1)
    assert until(lambda k: 2.0**-10 + 0 * k, 5000 / 1024) == 5000
    with pytest.raises(
        gf.SolveError, match="after 8192 steps 1 of the flow time 2 are"
    ):
        until(optax.piecewise_constant_schedule(0.125, {8: 0.0}), 2.0)
    with pytest.raises(gf.SolveError, match="step 3 lasts -1"):
        until(lambda k: jnp.where(k < 3, 0.1, -1.0), 2.0)
    with pytest.raises(gf.SolveError, match="1 to 2³¹"):
        until(lambda k: 3.0 + 0 * k, 2.0)
