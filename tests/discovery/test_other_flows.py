"""Laws of momentum and mirror flows (tests/README.md)."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import ConstantFriction, Friction, MirrorFlow, MomentumFlow, Nesterov
from gfflow.models import MLP, DeepLinear

from ..variants import variants
from .discovery_models import attention, of_shapes

KEY = jax.random.key(0)


def linear(*widths):
    return DeepLinear(list(widths), key=KEY), (widths[0],)


def rotations(n, m, r):
    k = min(r, 2 * (n + m))
    return k * (2 * r - k - 1) // 2


TABLE = {
    "linear, no friction": (linear(2, 2, 2), 0.0, rotations(2, 2, 2)),
    "linear, heavy ball": (linear(2, 2, 2), 0.5, rotations(2, 2, 2)),
    "linear, nesterov": (linear(2, 3, 2), gf.nesterov, rotations(2, 2, 3)),
    "scalar factors, 1": (linear(1, 1, 1), 0.5, 0),
    "scalar factors, 2": (linear(1, 2, 1), 0.5, 2),
    "deep linear": (linear(2, 2, 2, 2), 0.0, 2),
    "relu": ((MLP([2, 2, 2], bias=False, key=KEY), (2,)), 0.5, 0),
    "attention": ((attention(2, 2), (3, 2)), 0.5, 2),
    "softmax": (
        (eqx.nn.Linear(3, 3, use_bias=False, key=KEY), (3,), "softmax_cross_entropy"),
        0.5,
        6,
    ),
}


@functools.cache
def discovered(name):
    model, friction, _ = TABLE[name]
    return gf.discover(model, MomentumFlow(friction))


@pytest.mark.parametrize(
    "name", variants(TABLE, slow=("deep linear", "linear, heavy ball", "attention"))
)
def test_momentum(name):
    found, number = discovered(name), TABLE[name][-1]
    assert found.number == number, found.notes
    assert found.complete and len(found.laws) == number


def integrated(flow, problem, t1=1.0):
    return gf.solve(flow, problem, t1=t1, rtol=1e-11, solver="tsit5")


@pytest.mark.parametrize("name", ["linear, heavy ball", "linear, nesterov"])
def test_momentum_laws_are_conserved(name):
    """From a velocity that is not 0, where they are not 0 themselves."""
    x, y = gf.data.teacher_student(inputs=2, outputs=2, samples=20)
    (model, _), friction, _ = TABLE[name]
    problem, flow = gf.Problem(model, "mse", (x, y)), MomentumFlow(friction)
    law = discovered(name).laws[0]
    state = flow.initial_state(problem)
    random = np.random.default_rng(0)
    moving = jtu.tree_map(lambda a: jnp.asarray(random.normal(size=a.shape)), state)
    field = lambda t, s, _: flow.vector_field(t, s, problem)
    times = jnp.linspace(1.0, 3.0, 5)
    import diffrax

    path = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        diffrax.Dopri8(),
        1.0,
        3.0,
        0.01,
        moving,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=1e-12, atol=1e-12),
    )
    value = jax.vmap(lambda t, state: law(t, flow.view(state, problem)))
    values = jax.jit(value)(times, path.ys)
    assert abs(values[0]) > 0.1
    np.testing.assert_allclose(values, values[0], rtol=1e-9)


def factors(positive=True):
    model = of_shapes(lambda x, U, V: U @ (V.T @ x), U=(3, 2), V=(4, 2))
    arrays = {k: jnp.abs(v) if positive else v for k, v in model.arrays.items()}
    return type(model)(arrays, model.function)


def test_nonnegative_factorisation_under_entropy():
    random = np.random.default_rng(0)
    data = np.abs(random.normal(size=(20, 4))), np.abs(random.normal(size=(20, 3)))
    problem = gf.Problem(factors(), "mse", data)
    flow = MirrorFlow("entropy")
    found = gf.discover(problem, flow)
    assert found.number == 2 and found.complete
    wanted = "sum(arrays['V'][:,0]) - sum(arrays['U'][:,0])"
    assert wanted in found.expressions.values()
    report = gf.check(integrated(flow, problem), found.laws, ladder=False)
    assert all(r.verdict == "conserved" for r in report.values())
    euclidean = gf.discover(problem)
    assert set(euclidean.expressions.values()).isdisjoint(found.expressions.values())


def test_input_convex_network_in_its_metric():
    def function(x, U, V, b):
        return U @ jax.nn.relu(V @ x + b)

    model = of_shapes(function, U=(2, 3), V=(3, 4), b=(3,))
    arrays = {**model.arrays, "U": jnp.abs(model.arrays["U"])}
    model = type(model)(arrays, function)
    found = gf.discover((model, (4,)), MirrorFlow({"arrays['U']": "entropy"}))
    assert found.number == 3 and found.complete
    wanted = "arrays['b'][0]**2 + sum(arrays['V'][0,:]**2) - 2*sum(arrays['U'][:,0])"
    assert wanted in found.expressions.values()


SIGN = {
    "scalar": (linear(1, 1, 1), 1),
    "one output": (linear(2, 2, 1), 2),
    "two outputs": (linear(2, 2, 2), 0),
    "relu": ((MLP([2, 3, 2], key=KEY), (2,)), 0),
}


@pytest.mark.parametrize("name", SIGN)
def test_sign_flow(name):
    """One output: ∂L/∂V = Uᵀrᵀ has the signs of a matrix of rank one, so that in each
    column of V all |V_kj| move as one while no U_k changes its sign: r − 1 laws a
    column, in that region. (And |U_k| moves with them for one input.)"""
    model, number = SIGN[name]
    found = gf.discover(model, gf.flows.sign())
    assert found.number == number and found.complete
    assert all(law.degree == "linear" for law in found.laws)
    assert ("region" in " ".join(found.notes)) == (number > 0)


def test_soft_sign_flow_has_none():
    found = gf.discover(linear(1, 1, 1), gf.flows.sign(0.3))
    assert found.number == 0 and found.complete


def test_logarithmic_laws_are_counted_but_not_found():
    """Under the log-barrier: Σ log U[:,k] − Σ log V[:,k]."""
    found = gf.discover((factors(), (4,)), MirrorFlow("log_barrier"))
    assert found.number == 2 and found.lower_bound == 0 and not found.complete


def test_frictions():
    """μ' = τμ, and Nesterov's acceleration at t = 0 is that of the regular solution."""
    for friction in (ConstantFriction(0.7), Nesterov(3.0)):
        mu, rate = jax.jvp(friction.factor, (jnp.asarray(1.3),), (jnp.asarray(1.0),))
        np.testing.assert_allclose(rate, friction(1.3) * mu, rtol=1e-14)
    force = jnp.asarray([2.0, -1.0])
    step = 1e-6
    velocity = force / 4 * step
    near = Nesterov(3.0).acceleration(step, velocity, force)
    at = Nesterov(3.0).acceleration(jnp.asarray(0.0), 0 * force, force)
    np.testing.assert_allclose(near, at, rtol=1e-9)
    with pytest.raises(gf.SolveError, match="at least 0"):
        MomentumFlow(-1.0)


def test_heavy_ball_on_a_quadratic():
    """θ'' + τθ' = −cθ from rest, damped oscillation in closed form; and Nesterov's
    θ'' + 3θ'/t = −cθ, θ = 2 J₁(√c t)/(√c t) θ₀ (Su, Boyd & Candès 2016, Sec. 3)."""
    import scipy.special

    model = of_shapes(lambda x, w: w * x, w=())
    problem = gf.Problem(model, lambda z, y: 2 * z**2, (jnp.ones(1), jnp.zeros(1)))
    start = float(model.arrays["w"])
    ball = integrated(MomentumFlow(0.4), problem, 3.0)
    rate = (4 - 0.2**2) ** 0.5
    exact = np.exp(-0.6) * (np.cos(3 * rate) + 0.2 / rate * np.sin(3 * rate)) * start
    np.testing.assert_allclose(ball.parameters.arrays["w"], exact, rtol=1e-9)
    fast = integrated(MomentumFlow(gf.nesterov), problem, 3.0)
    exact = 2 * scipy.special.j1(6.0) / 6.0 * start
    np.testing.assert_allclose(fast.parameters.arrays["w"], exact, rtol=1e-6)


def test_a_start_outside_of_the_domain_of_a_flow():
    x, y = gf.data.teacher_student(inputs=2, outputs=2, samples=20)
    problem = gf.Problem(linear(2, 2, 2)[0], "mse", (x, y))
    with pytest.raises(gf.SolveError, match="must be positive under its potential"):
        gf.known_laws(problem, MirrorFlow())


def test_users_friction():
    """τ(t) = 2t: μ = e^{t²}, if it is given."""
    squared = Friction(lambda t: 2 * t, lambda t: jnp.exp(t**2))
    found = gf.discover(linear(2, 2, 2), MomentumFlow(squared))
    assert found.complete and found.number == 1
    assert "mu(t)" in found.expressions[found.laws[0].name]
    unknown = gf.discover(linear(2, 2, 2), MomentumFlow(lambda t: 2 * t))
    assert unknown.number == 1 and not unknown.complete
