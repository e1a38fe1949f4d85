"""The exact identities of laws under discrete steps: see tests/README.md."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import optax
import pytest

import gfflow as gf
from gfflow import discrete
from gfflow.problem import named_parameters

from .optimiser_cases import network

FLOW = gf.GradientFlow()
ROUND_OFF = 1e-15


def deep_linear(**options):
    data = gf.data.teacher_student(inputs=3, outputs=2, samples=24)
    model = gf.models.DeepLinear([3, 4, 2], bias=True, key=jax.random.key(1))
    return gf.Problem(model, "half_squared_error", data, **options)


def residuals(problem, optimiser, eta=0.02, laws=None, steps=200, **options):
    laws = gf.known_laws(problem, FLOW) if laws is None else laws
    run = gf.DiscreteFlow(optimiser, eta, **options).run(
        problem, steps=steps, laws=laws
    )
    assert run.finished and run.losses[-1] < run.losses[0]
    return {name: float(np.max(x)) for name, x in run.residuals.items()}, run


@pytest.mark.parametrize(
    ("method", "make", "options"),
    [
        (discrete.sgd, deep_linear, {}),
        (discrete.sgd, network, {"batch": 5, "seed": 1}),
        (discrete.heavy_ball, network, {}),
        (discrete.heavy_ball, deep_linear, {"batch": 5, "replacement": True}),
    ],
)
def test_quadratic_laws(method, make, options):
    """With and without weight decay, full data and minibatches."""
    for decay in (0.0, 0.2):
        found, run = residuals(make(), method(weight_decay=decay), **options)
        assert found and max(found.values()) < ROUND_OFF
        for name, values in run.laws.items():
            assert np.max(np.abs(values - values[:1])) > 1e-3


@pytest.mark.parametrize("method", [discrete.sgd(0.1), discrete.heavy_ball(0.8, 0.1)])
def test_schedules_and_rates(method):
    problem = deep_linear()
    rates = jtu.tree_map(lambda x: 1.0 + 0.5 * x.ndim, problem.parameters)
    problem = deep_linear(time_scale=rates)
    schedule = optax.cosine_decay_schedule(0.03, 250)
    found, _ = residuals(problem, method, schedule)
    assert list(found.values()) and max(found.values()) < ROUND_OFF


def test_sgd_by_the_formula():
    """One step by hand: h⁺ = (1 − ηλ)²h + η²h(g)."""
    problem, eta, decay = network(), 0.1, 0.3
    (law,) = gf.known_laws(problem, FLOW)
    value = jax.jit(lambda parameters: law(0.0, problem.model_at(parameters)))
    start = problem.parameters
    gradient = eqx.filter_jit(problem.gradient)(start)
    before, slope = (np.asarray(value(each)) for each in (start, gradient))
    step = lambda p, g: p - eta * (g + decay * p)
    move = lambda p, g: step(np.asarray(p), np.asarray(g))
    after = jtu.tree_map(move, start, gradient)
    said = discrete.quadratic_after_sgd(before, slope, eta, decay)
    sizes = jax.jit(lambda p: law.absolute_value(0.0, problem.model_at(p)))
    scale = np.asarray(sizes(jtu.tree_map(np.abs, start)))
    assert np.max(np.abs(value(after) - said) / scale) < ROUND_OFF
    assert np.max(np.abs(said - before) / scale) > 1e-3


def test_heavy_ball_by_the_formula():
    """c_k, h_k and the rotation by hand over ten steps of a NumPy loop."""
    problem, eta, beta, decay = deep_linear(), 0.05, 0.9, 0.2
    (law,) = gf.known_laws(problem, FLOW)
    value = jax.jit(lambda x: law(0.0, problem.model_at(x)))
    turning = jax.jit(lambda x, v: rotation(gf_phase(problem, x, v)))
    gradient = eqx.filter_jit(problem.gradient)
    h = lambda x: np.asarray(value(x))
    sum_of = lambda x, y, s: np.asarray(x) + s * np.asarray(y)
    add = lambda a, b, s=1.0: jtu.tree_map(lambda x, y: sum_of(x, y, s), a, b)
    theta = problem.parameters
    velocity = moving(problem)
    cross = lambda a, b: (h(add(a, b)) - h(a) - h(b)) / 2
    spin = lambda a, b: np.asarray(turning(a, b))
    c = cross(theta, velocity) - h(velocity)
    assert np.min(np.abs(spin(theta, velocity))) > 1e-3
    for _ in range(10):
        force = add(gradient(theta), theta, decay)
        scaled = jtu.tree_map(lambda v: beta * np.asarray(v), velocity)
        following = add(scaled, force, -eta)
        after = add(theta, following)
        c = discrete.heavy_ball_cross(c, h(velocity), beta, h(theta), eta, decay)
        np.testing.assert_allclose(c, cross(theta, following), atol=1e-14)
        said = discrete.quadratic_after_heavy_ball(h(theta), c, h(following))
        np.testing.assert_allclose(h(after), said, atol=1e-14)
        turned = discrete.rotation_after_heavy_ball(spin(theta, velocity), beta)
        np.testing.assert_allclose(spin(after, following), turned, atol=1e-15)
        theta, velocity = after, following


def moving(problem):
    """A velocity, of the size of the parameters."""
    wave = lambda x: jnp.asarray(np.cos(3 * np.asarray(x) + x.size))
    return jtu.tree_map(wave, problem.parameters)


def gf_phase(problem, parameters, velocity):
    return gf.flows.Phase(problem.model_at(parameters), velocity)


def _matrix(phase, sign):
    w, v = named_parameters(phase.model), named_parameters(phase.velocity)
    up, down = "layers[1].weight", ("layers[0].weight", "layers[0].bias")
    total = w[up].T @ v[up] + sign * v[up].T @ w[up]
    for path in down:
        a, b = w[path], v[path]
        a, b = (a, b) if a.ndim == 2 else (a[:, None], b[:, None])
        total = total + a @ b.T + sign * b @ a.T
    return total[jnp.triu_indices(len(total), 1)]


def rotation(phase):
    """UᵀU' − U'ᵀU + VV'ᵀ − V'Vᵀ + bb'ᵀ − b'bᵀ: θᵀSθ', S skew."""
    return _matrix(phase, -1.0)


def absolute_rotation(phase):
    return _matrix(phase, 1.0)


ROTATION = gf.Law(rotation, "rotation", degree="quadratic", absolute=absolute_rotation)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_rotation_is_multiplied_by_the_momentum(decay):
    """From a velocity of its own, in minibatches; a law of t is taken at one t."""
    problem = deep_linear()
    late = gf.Law(
        lambda t, phase: t * rotation(phase),
        "late",
        degree="quadratic",
        absolute=lambda t, phase: t * absolute_rotation(phase),
    )
    ball = discrete.heavy_ball(0.9, weight_decay=decay)
    flow = gf.DiscreteFlow(ball, 0.02, batch=5, seed=1, second_order=True)
    run = flow.run(problem, steps=60, laws=[ROTATION, late], velocity=moving(problem))
    for values in run.residuals.values():
        assert np.max(values) < ROUND_OFF
    values = np.asarray(run.laws["rotation"])
    assert np.min(np.abs(values[0])) > 1e-3
    powers = 0.9 ** np.asarray(run.steps, float)[:, None]
    np.testing.assert_allclose(values, powers * values[:1], atol=1e-13)


def test_a_moving_start_of_quadratic_laws():
    problem = deep_linear()
    flow = gf.DiscreteFlow(discrete.heavy_ball(0.8), 0.02)
    laws = gf.known_laws(problem, FLOW)
    run = flow.run(problem, steps=60, laws=laws, velocity=moving(problem))
    assert np.max(run.residuals[laws[0].name]) < ROUND_OFF
    with pytest.raises(gf.CheckError, match="starts at rest"):
        gf.compare(FLOW, run)
    with pytest.raises(gf.SolveError, match="no velocity"):
        gf.DiscreteFlow("sgd", 0.1).run(problem, steps=2, velocity=moving(problem))


def test_linear_laws():
    """Column sums do not move, but for weight decay."""
    x = jax.random.normal(jax.random.key(0), (20, 3))
    model = gf.models.DeepLinear([3, 4], bias=True, key=jax.random.key(1))
    problem = gf.Problem(model, "softmax_cross_entropy", (x, jnp.arange(20) % 4))
    for method in (discrete.sgd, discrete.heavy_ball):
        found, run = residuals(problem, method(), batch=5)
        assert len(found) == 2 and max(found.values()) < ROUND_OFF
        for values in run.laws.values():
            assert np.max(np.abs(values - values[:1])) < 1e-13
        found, run = residuals(problem, method(weight_decay=0.1), batch=5)
        assert len(found) == 2 and max(found.values()) < ROUND_OFF


def test_what_is_no_law_is_found_out():
    """The identities hold of laws only: tanh has no rescaling, and Adam leaves W."""
    problem = network("tanh")
    laws = gf.laws.rescaling(problem, FLOW)
    for method in ("sgd", "heavy_ball"):
        found, _ = residuals(problem, method, laws=laws)
        assert found["rescaling of layers[0] → layers[1]"] > 1e-4
    found, _ = residuals(problem, "adam", 0.001, laws=laws)
    assert found == {}


def test_what_is_not_homogeneous_has_no_identity():
    bent = gf.symbolic("sum(W1**2) + sum(W1)", "bent")
    shifted = gf.Law(lambda m: m.layers[0].weight.sum() + 1.0, "s", degree="linear")
    cubic = gf.Law(lambda m: m.layers[0].weight.sum() ** 3, "cubic")
    found, _ = residuals(network(), "sgd", laws=[bent, shifted, cubic])
    assert found == {}
    frozen = network(trainable=["layers[1]"])
    half = gf.symbolic("sum(W2**2) - sum(W1**2)", "half")
    assert residuals(frozen, "sgd", laws=[half])[0] == {}
    model_law = gf.Law(
        lambda phase: phase.velocity.layers[0].weight.sum(), "speed", degree="linear"
    )
    options = {"laws": [model_law], "second_order": True}
    assert residuals(network(), "heavy_ball", **options)[0] == {}
