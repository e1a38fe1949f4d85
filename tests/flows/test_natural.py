"""Natural gradient flow: closed forms, the dense matrix, and the laws that it keeps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf
from gfflow.models import MLP, DeepLinear

from ..annotations import wrong_arguments

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=12)


def problem_of(model, loss="mse", **settings):
    return gf.Problem(model, loss, (X, Y), **settings)


def dense_matrix(problem, parameters):
    """Σ |w_n| J_nᵀ H_n J_n / |Σ w| from whole Jacobians."""
    theta, unravel = ravel_pytree(parameters)

    @jax.jit
    @jax.vmap
    def one(x, y):
        predict = lambda v: problem.model_at(unravel(v))(x)
        jacobian = jax.jacobian(predict)(theta)
        curved = jax.hessian(lambda z: problem.loss(z, y))(predict(theta))
        return jacobian.T @ curved @ jacobian

    sizes = np.abs(problem.weights)
    total = np.tensordot(sizes, one(problem.inputs, problem.targets), 1)
    return total / abs(float(problem.normaliser))


def flat(tree):
    return np.concatenate([np.ravel(x) for x in jtu.tree_leaves(tree)])


@pytest.mark.parametrize("rates", ["one", "by parameter"])
def test_the_field_is_that_of_a_direct_solver(rates):
    model = MLP([3, 4, 2], activation="tanh", key=KEY)
    scale = 1.0
    if rates == "by parameter":
        random = np.random.default_rng(0)
        draw = lambda p: jnp.asarray(random.uniform(1, 2, p.shape))
        scale = jtu.tree_map(draw, eqx.filter(model, eqx.is_inexact_array))
    signed = np.random.default_rng(0).normal(size=12)
    problem = problem_of(model, chunk=5, time_scale=scale)
    problem = problem.with_data(problem.inputs, problem.targets, jnp.asarray(signed))
    flow = gf.NaturalGradientFlow(0.01)

    @eqx.filter_jit
    def field_rates_and_gradient(problem):
        field = flow.vector_field(0.0, problem.parameters, problem)
        gradient = problem.gradient(problem.parameters)
        ones = jtu.tree_map(jnp.ones_like, problem.parameters)
        return field, problem.scaled(ones), problem.scaled(gradient)

    field, s, g = map(flat, field_rates_and_gradient(problem))
    matrix = s[:, None] * dense_matrix(problem, problem.parameters)
    wanted = -np.linalg.solve(matrix + 0.01 * np.eye(len(s)), g)
    np.testing.assert_allclose(field, wanted, rtol=1e-9, atol=1e-11)


def test_derivatives_against_finite_differences():
    """What an implicit solver asks for: under jit, of the field at any state."""
    problem = problem_of(MLP([3, 3, 2], activation="tanh", key=KEY), "huber")
    flow = gf.NaturalGradientFlow(0.05)
    theta, unravel = ravel_pytree(problem.parameters)
    field = jax.jit(
        lambda v: ravel_pytree(flow.vector_field(0.0, unravel(v), problem))[0]
    )
    theta = np.asarray(theta)
    along = np.random.default_rng(0).normal(size=theta.shape)
    derivative = jax.jit(lambda v, a: jax.jvp(field, (v,), (a,))[1])(theta, along)
    h = 1e-5
    ahead, behind = (np.asarray(field(theta + s * along)) for s in (h, -h))
    difference = (ahead - behind) / (2 * h)
    np.testing.assert_allclose(derivative, difference, rtol=1e-6, atol=1e-7)
    together = jax.jit(jax.vmap(field))(np.stack([theta, theta + along]))
    apart = [field(theta), field(theta + along)]
    np.testing.assert_allclose(together, np.stack(apart), rtol=1e-9, atol=1e-11)


def test_quadratic_loss_in_closed_form():
    """θ' = −(H + δ)⁻¹H(θ − θ*), row by row of W, with H = (1/N) Σ xxᵀ."""
    model = eqx.nn.Linear(3, 2, use_bias=False, key=KEY)
    problem = problem_of(model, "half_squared_error")
    damping, t1 = 0.3, 2.0
    flow = gf.NaturalGradientFlow(damping)
    end = gf.solve(flow, problem, t1=t1, rtol=1e-11, solver="tsit5").model.weight
    x, y = np.asarray(X), np.asarray(Y)
    h = x.T @ x / len(x)
    best = np.linalg.solve(h, x.T @ y / len(x)).T
    values, vectors = np.linalg.eigh(h)
    shrink = vectors * np.exp(-values / (values + damping) * t1) @ vectors.T
    wanted = best + (np.asarray(model.weight) - best) @ shrink
    np.testing.assert_allclose(end, wanted, rtol=1e-9)


def test_without_damping_the_loss_of_a_fit_decays_as_exp_minus_2t():
    """J(JᵀJ)⁺Jᵀ = I where the network can move every prediction: z' = −(z − y)."""
    model = MLP([3, 12, 1], activation="tanh", key=KEY)
    problem = gf.Problem(model, "mse", (X[:4], Y[:4, :1]))
    flow = gf.NaturalGradientFlow(1e-9)
    solution = gf.solve(flow, problem, t1=3.0, rtol=1e-8, solver="tsit5")
    wanted = solution.losses[0] * np.exp(-2 * np.asarray(solution.ts))
    np.testing.assert_allclose(solution.losses, wanted, rtol=1e-5)


def halved(model):
    """Another rate in each array."""
    arrays = eqx.filter(model, eqx.is_inexact_array)
    leaves, structure = jtu.tree_flatten(arrays)
    rates = [jnp.asarray(0.5**i) for i in range(len(leaves))]
    return jtu.tree_unflatten(structure, rates)


LINEAR, RELU = DeepLinear([3, 3, 2], key=KEY), MLP([3, 3, 2], key=KEY)


@pytest.mark.parametrize(
    "model, iterations, scale",
    [
        pytest.param(LINEAR, 2, halved(LINEAR), id="linear, 2 iterations, rates"),
        pytest.param(RELU, 200, 1.0, id="relu", marks=pytest.mark.slow),
    ],
)
def test_laws_of_gradient_flow_are_kept(model, iterations, scale):
    problem = problem_of(model, time_scale=scale)
    flow = gf.NaturalGradientFlow(0.01, "fisher", iterations)
    laws = gf.known_laws(problem, flow)
    assert [law.name for law in laws] == [
        law.name for law in gf.known_laws(problem, gf.GradientFlow())
    ]
    wrong = gf.symbolic("sum(W1**2)")
    solution = gf.solve(
        flow, problem, t1=0.3, rtol=1e-7, solver="bosh3", saveat=jnp.array([0.1, 0.3])
    )
    report = gf.check(solution, [*laws, wrong], ladder=False)
    assert [r.verdict for r in report.values()] == ["conserved", "broken"]


def test_column_sums_are_kept_under_softmax():
    labels = jnp.arange(12) % 2
    model = eqx.nn.Linear(3, 2, key=KEY)
    problem = gf.Problem(model, "softmax_cross_entropy", (X, labels))
    flow = gf.NaturalGradientFlow(1e-3, "fisher")
    laws = gf.known_laws(problem, flow)
    assert len(laws) == 2
    solution = gf.solve(flow, problem, t1=2.0, rtol=1e-8, solver="tsit5", laws=laws)
    for values in solution.laws.values():
        assert np.max(np.abs(values - values[:1])) < 1e-12


def test_discovery_counts_the_laws_of_gradient_flow():
    """(S F + δ)⁻¹ maps S W_θ onto itself."""
    problem = gf.Problem(DeepLinear([2, 2, 2], key=KEY), "mse", (X[:, :2], Y))
    found = gf.discover(problem, gf.NaturalGradientFlow(0.1))
    assert found.number == 3 and found.complete
    assert found.flow == "NaturalGradientFlow"


@wrong_arguments
def test_bad_input():
    with pytest.raises(gf.SolveError, match="damping must be above 0; got 0"):
        gf.NaturalGradientFlow(0)
    with pytest.raises(gf.SolveError, match="metric is one of .*'hessian'"):
        gf.NaturalGradientFlow(metric="hessian")
    with pytest.raises(gf.SolveError, match="iterations is a number above 0"):
        gf.NaturalGradientFlow(iterations=0)
    problem = problem_of(LINEAR, "huber")
    with pytest.raises(gf.SolveError, match="gauss-newton"):
        gf.solve(gf.NaturalGradientFlow(metric="fisher"), problem, t1=1.0)
