"""Preconditioned flows against Optax, closed forms, and single precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import optax
import pytest

import gfflow as gf
from gfflow.flows import Adam, OptaxLimit, RMSProp, Sign
from gfflow.models import MLP, DeepLinear

from ..annotations import wrong_arguments

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=12)
PROBLEM = gf.Problem(MLP([3, 4, 2], activation="tanh", key=KEY), "mse", (X, Y))
TAU, EPS = 0.5, 0.05


def rms(eta):
    return optax.scale_by_rms(decay=1 - eta / TAU, eps=EPS, eps_in_sqrt=False)


def drawn(state):
    """A state near this one, with positive averages."""
    random = np.random.default_rng(0)
    moved = lambda x: np.asarray(x) + 0.1 + random.uniform(size=x.shape)
    return jtu.tree_map(lambda x: jnp.asarray(moved(x)), state)


def flat(tree):
    return np.concatenate([np.ravel(x) for x in jtu.tree_leaves(tree)])


def test_the_limit_of_scale_by_rms_is_rmsprop():
    ours = gf.PreconditionedFlow(RMSProp(TAU, EPS))
    limit = gf.PreconditionedFlow(OptaxLimit(rms))
    state = drawn(ours.initial_state(PROBLEM))
    assert flat(limit.initial_state(PROBLEM)).shape == flat(state).shape
    nu = optax.ScaleByRmsState(nu=state.memory)
    other = gf.flows.Remembered(state.model, nu)
    cases = ((ours, state), (limit, other))
    field = eqx.filter_jit(lambda flow, state: flow.vector_field(0.0, state, PROBLEM))
    wanted, found = (flat(field(*case)) for case in cases)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-15)


def optimised(make, etas, t1):
    @jax.jit
    def end(eta, steps):
        optimiser = optax.chain(make(eta), optax.scale(-eta))

        def step(_, carry):
            theta, state = carry
            updates, state = optimiser.update(PROBLEM.gradient(theta), state, theta)
            return optax.apply_updates(theta, updates), state

        first = PROBLEM.parameters, optimiser.init(PROBLEM.parameters)
        return jax.lax.fori_loop(0, steps, step, first)[0]

    with jax.numpy_dtype_promotion("standard"):  # decay ** count
        return [flat(end(eta, round(t1 / eta))) for eta in etas]


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_optax_tends_to_the_flow_at_first_order(name, record_property):
    etas, t1 = (0.02, 0.01, 0.005), 1.0
    if name == "rmsprop":
        flow = gf.flows.rmsprop(TAU, EPS, initial=0.01)
        make = lambda eta: optax.scale_by_rms(
            1 - eta / TAU, EPS, initial_scale=0.01, eps_in_sqrt=False
        )
    else:
        flow = gf.flows.adam(0.3, 0.8, EPS)
        make = lambda eta: optax.scale_by_adam(1 - eta / 0.3, 1 - eta / 0.8, EPS)
    solution = gf.solve(flow, PROBLEM, t1=t1, rtol=1e-9, solver="tsit5")
    end = flat(flow.parameters(solution.state))
    errors = [np.linalg.norm(x - end) for x in optimised(make, etas, t1)]
    slope = np.polyfit(np.log(etas), np.log(errors), 1)[0]
    record_property(f"order of {name} in the step", f"{slope:.3f}")
    assert abs(slope - 1) < 0.1, (slope, errors)


def test_adam_at_the_start():
    """θ'(0) = −g/(|g| + ε), and the field is continuous there along the solution."""
    flow = gf.PreconditionedFlow(Adam(0.1, 0.2, EPS))
    state = flow.initial_state(PROBLEM)

    @jax.jit
    def fields(h):
        first = lambda z: flow.vector_field(0.0, z, PROBLEM)
        rate, derivative = jax.jvp(first, (state,), (state,))
        moved = jtu.tree_map(lambda z, f: z + h * f, state, rate)
        later = flow.vector_field(h, moved, PROBLEM)
        gradient = PROBLEM.gradient(PROBLEM.parameters)
        return gradient, rate.model, later.model, derivative

    g, at_rest, later, derivative = map(flat, fields(1e-7))
    np.testing.assert_allclose(at_rest, -g / (abs(g) + EPS), rtol=1e-14)
    np.testing.assert_allclose(later, at_rest, atol=1e-4)
    assert np.all(np.isfinite(derivative))


def test_rmsprop_in_closed_form():
    """Of a gradient that is constant, L = gθ: v = g²(1 − e^{−t/τ}), and with ε = 0
    θ' = −1/√(1 − e^{−t/τ}), so θ = θ₀ − 2τ log(e^{t/2τ} + √(e^{t/τ} − 1)) for g > 0."""
    model = eqx.nn.Linear(1, 1, use_bias=False, key=KEY)
    one = jnp.ones((1, 1))
    problem = gf.Problem(model, lambda z, y: 3 * jnp.sum(z), (one, one))
    t = np.array([0.5, 1.0])
    shift = 2 * TAU * np.log(np.exp(t / 2 / TAU) + np.sqrt(np.exp(t / TAU) - 1))
    flow = gf.flows.rmsprop(TAU, 1e-9)
    state = flow.initial_state(problem)
    first = 9 * -np.expm1(-t[0] / TAU)
    start = eqx.tree_at(
        lambda z: jtu.tree_leaves(z.memory)[0], state, jnp.full((1, 1), first)
    )
    field = eqx.filter_jit(flow.vector_field)(0.5, start, problem)
    np.testing.assert_allclose(
        flat(field), [-1 / np.sqrt(first / 9), (9 - first) / TAU], rtol=1e-8
    )
    options = dict(t1=1.0, rtol=1e-7, saveat=t, solver="tsit5")
    solution = gf.solve(gf.flows.rmsprop(TAU, 1e-6), problem, **options)
    losses = np.asarray(solution.losses)
    moved = losses[1:] / 3 - losses[0] / 3
    np.testing.assert_allclose(moved, -shift, rtol=1e-4)


def test_sign_flow_of_the_scalar_network():
    """|u| − |v| is its one law (u' = ∓ sign v, v' = ∓ sign u), u² − v² is none."""
    model = DeepLinear([1, 1, 1], key=KEY)
    set_to = lambda m: [layer.weight for layer in m.layers]
    model = eqx.tree_at(set_to, model, [jnp.full((1, 1), 0.5), jnp.full((1, 1), -1.2)])
    problem = gf.Problem(model, "mse", (jnp.ones((1, 1)), jnp.full((1, 1), -9.0)))
    law = gf.symbolic("abs(W1[0,0]) - abs(W2[0,0])", name="of sign flow")
    square = gf.symbolic("W1[0,0]**2 - W2[0,0]**2", name="of gradient flow")
    solution = gf.solve(gf.flows.sign(), problem, t1=1.0, solver="tsit5")
    np.testing.assert_allclose(
        flat(solution.model), [1.5, -2.2], rtol=1e-12
    )  # at unit speed
    report = gf.check(solution, [law, square], ladder=False)
    assert [r.verdict for r in report.values()] == ["conserved", "broken"]
    assert gf.known_laws(problem, gf.flows.sign()) == []


def test_adam_breaks_the_laws_of_gradient_flow():
    problem = gf.Problem(DeepLinear([3, 2, 2], key=KEY), "mse", (X, Y))
    flow = gf.flows.adam(0.1, 0.5, EPS)

    def balance(view):
        first, second = (layer.weight for layer in view.model.layers)
        return jnp.diag(second.T @ second - first @ first.T)

    law = gf.Law(balance, "balance", degree="quadratic")
    solution = gf.solve(flow, problem, t1=1.0, rtol=1e-8, solver="tsit5", laws=[law])
    assert solution.laws["balance"].shape[1:] == (2,)
    report = gf.check(solution, [law], ladder=False)
    assert report["balance"].verdict == "broken"


FLOWS = {
    "natural": gf.NaturalGradientFlow(0.1),
    "rmsprop": gf.flows.rmsprop(TAU, EPS),
    "adam": gf.flows.adam(0.1, 0.3, EPS),
    "sign": gf.flows.sign(EPS),
    "limit": gf.PreconditionedFlow(OptaxLimit(rms)),
}


@pytest.mark.parametrize("name", FLOWS)
def test_memory_is_told(name):
    """By what the state is; weight decay moves the parameters alone, and a law asked
    for by name sees the model."""
    flow = FLOWS[name]
    state = flow.initial_state(PROBLEM)
    assert flow.has_memory == (
        jtu.tree_structure(state) != jtu.tree_structure(PROBLEM.parameters)
    )
    decayed = gf.flows.WeightDecay(flow, 0.5)
    both = lambda z: [f.vector_field(0.3, z, PROBLEM) for f in (decayed, flow)]
    change, plain = jax.jit(both)(state)
    wanted = flat(flow.parameters(plain)) - 0.5 * flat(flow.parameters(state))
    np.testing.assert_allclose(flat(flow.parameters(change)), wanted, rtol=1e-14)
    assert jtu.tree_structure(change) == jtu.tree_structure(plain)
    (law,) = gf.laws.rescaling(PROBLEM, flow)
    assert law(0.0, flow.view(state, PROBLEM)).shape == (4,)


REFUSED = {
    "a count": (lambda eta: optax.scale_by_adam(1 - eta, 1 - eta), "counts steps"),
    "a sum": (lambda eta: optax.scale_by_rss(), "changes in a step of size 0"),
    "heavy ball": (lambda eta: optax.trace(0.9), "changes in a step of size 0"),
    "no rate": (lambda eta: optax.scale_by_rms(0.9), "changes in a step of size 0"),
    "not finite": (
        lambda eta: optax.stateless(lambda g, _: jtu.tree_map(lambda x: x / eta, g)),
        "not finite",
    ),
    "not traceable": (lambda eta: optax.scale(float(eta)), "fails with"),
    "no transformation": (lambda eta: 3, "fails with AttributeError"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_limits_that_do_not_exist(name):
    make, message = REFUSED[name]
    with pytest.raises(gf.SolveError, match=message):
        gf.solve(gf.PreconditionedFlow(OptaxLimit(make)), PROBLEM, t1=1.0)


def test_a_limit_without_memory_and_inside_jit():
    flow = gf.PreconditionedFlow(OptaxLimit(lambda eta: optax.scale_by_sign()))
    assert flow.initial_state(PROBLEM) is PROBLEM.parameters

    @eqx.filter_jit
    def last(problem, flow):
        return gf.solve(flow, problem, t1=0.01, rtol=1e-6, solver="heun").losses[-1]

    assert last(PROBLEM, flow) == pytest.approx(float(last(PROBLEM, gf.flows.sign())))
    with pytest.raises(gf.SolveError, match="counts steps"):
        last(
            PROBLEM,
            gf.PreconditionedFlow(
                OptaxLimit(lambda eta: optax.scale_by_adam(1 - eta, 1 - eta))
            ),
        )


@wrong_arguments
def test_bad_input():
    with pytest.raises(gf.SolveError, match="RMSProp: tau must be above 0; got 0"):
        RMSProp(0)
    with pytest.raises(gf.SolveError, match="Adam: eps must be above 0"):
        Adam(1.0, 1.0, 0)
    with pytest.raises(gf.SolveError, match="Sign: eps must be at least 0"):
        Sign(-1.0)
    with pytest.raises(gf.SolveError, match="a preconditioner is"):
        gf.PreconditionedFlow("adam")
    with pytest.raises(gf.SolveError, match="wants a function"):
        OptaxLimit(optax.scale_by_rms())
