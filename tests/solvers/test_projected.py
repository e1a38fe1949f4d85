"""Projection to laws: drift, order, interpolants, and laws that are false."""

import functools

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.laws import known_laws, rescaling
from gfflow.solvers.projection._projected import Projected

from ..analytic import Product, product_problem, product_solution
from ..annotations import wrong_arguments
from ..variants import variants
from .projections import FLOW, TIMES, drift, integrate, network, run

SOLVERS = [diffrax.Tsit5(), diffrax.Kvaerno3()]
SHALLOW = {
    "relu": network([3, 4, 2]),
    "linear": network([3, 4, 2], "linear", bias=False),
}


@functools.cache
def projected_run(activation, solver):
    """The one law of a shallow network, and a run that is projected to it."""
    problem = SHALLOW[activation]
    (law,) = known_laws(problem, FLOW)
    return law, integrate(problem, Projected(solver, [law], view=FLOW.view))


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda s: type(s).__name__)
@pytest.mark.parametrize("activation", variants(SHALLOW, slow=["linear"]))
def test_no_drift_at_loose_tolerance(solver, activation):
    problem = SHALLOW[activation]
    law, solution = projected_run(activation, solver)
    assert drift(law, problem, solution.ys, solution.ts) <= 1e-14
    state = solution.solver_state
    assert 1e-7 < float(jnp.max(state.removed[0])) < 0.1
    np.testing.assert_array_equal(state.start[0], law(0.0, problem.model))


def test_without_projection_there_is_drift():
    """And with it the trajectory is the same, to the tolerance."""
    problem = SHALLOW["relu"]
    law, projected = projected_run("relu", SOLVERS[0])
    free = integrate(problem, diffrax.Tsit5())
    assert drift(law, problem, free.ys, free.ts) > 1e-5
    assert drift(law, problem, projected.ys, projected.ts) <= 1e-14
    free, projected = (
        [np.asarray(leaf)[np.isin(run.ts, TIMES)] for leaf in jtu.tree_leaves(run.ys)]
        for run in (free, projected)
    )
    for a, b in zip(free, projected):
        assert len(a) >= len(TIMES)
        np.testing.assert_allclose(a, b, atol=0.02)


@pytest.mark.parametrize(
    "widths, activation",
    [
        pytest.param([3, 5, 4, 2], "linear", id="linear chain"),
        pytest.param([3, 5, 4, 2], "relu", id="relu chain", marks=pytest.mark.slow),
        pytest.param([2, 9, 2], "linear", id="more units than inputs and outputs"),
    ],
)
def test_coupled_and_dependent_laws(widths, activation):
    """In the last one UᵀU − VVᵀ is 9 × 9 and of rank 4: 45 laws, 30 independent."""
    problem = network(widths, activation, bias=False)
    laws = known_laws(problem, FLOW)
    solver = Projected(diffrax.Tsit5(), laws, view=FLOW.view)
    assert solver.way == ("rescaling" if activation == "relu" else "balancing")
    solution = integrate(problem, solver)
    for law in laws:
        assert drift(law, problem, solution.ys, solution.ts) <= 1e-14


@pytest.mark.parametrize("solver, order", [(diffrax.Tsit5(), 5), (diffrax.Bosh3(), 3)])
@pytest.mark.parametrize("generic", [True, False])
def test_the_order_stays(solver, order, generic):
    problem = product_problem()
    if generic:
        laws, view = [lambda y: y.u**2 - y.v**2], None
    else:
        model = gf.models.MLP([1, 1, 1], key=jax.random.key(0), bias=False)
        model = eqx.tree_at(
            lambda m: [layer.weight for layer in m.layers],
            model,
            [jnp.full((1, 1), 0.4), jnp.full((1, 1), 1.3)],
        )
        data = jnp.ones((1, 1)), jnp.full((1, 1), 2.0)
        problem = gf.Problem(model, "half_squared_error", data)
        laws, view = rescaling(problem, FLOW), FLOW.view
    exact = np.array(product_solution(1.0))
    counts = np.array([4, 8, 16, 32])
    errors = []
    for count in counts:
        projected, start = Projected(solver, laws, view=view), problem.parameters
        field = FLOW.vector_field
        end = run(field, projected, 0.0, 1.0, 1.0 / count, start, problem).ys
        found = np.sort(np.concatenate([x.ravel() for x in jtu.tree_leaves(end)]))
        errors.append(np.max(np.abs(found - np.sort(exact))))
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert order - 0.3 < slope < order + 1.3


def test_dense_output_and_its_derivative_obey_the_laws():
    """Also when the solution leaves a `jit`."""
    problem = network([3, 4, 2], samples=5)
    (law,) = known_laws(problem, FLOW)
    projected = Projected(diffrax.Tsit5(), [law], view=FLOW.view)
    saveat = diffrax.SaveAt(dense=True)
    solution = integrate(problem, projected, t1=0.6, saveat=saveat)
    ts = jnp.linspace(0.0, 0.6, 41)
    assert drift(law, problem, jax.vmap(solution.evaluate)(ts), ts) <= 1e-14
    value = lambda y: law(0.0, problem.model_at(y))
    step = 1e-5

    @jax.jit
    @jax.vmap
    def around(t):
        y, slope = solution.evaluate(t), solution.derivative(t)
        rate = jax.jvp(value, (y,), (slope,))[1]
        return rate, slope, solution.evaluate(t + step), solution.evaluate(t - step)

    rate, *others = jtu.tree_map(np.asarray, around(ts[5:-3:12]))
    assert np.max(np.abs(rate)) <= 1e-13
    for d, a, b in zip(*map(jtu.tree_leaves, others)):
        np.testing.assert_allclose((a - b) / (2 * step), d, atol=1e-6)


def test_increments_of_an_interpolant():
    law = lambda t, y: jnp.stack([energy(t, y)])
    solver = Projected(diffrax.Bosh3(), [law])
    term = diffrax.ODETerm(pendulum)
    state = solver.init(term, 0.0, 0.5, START, 1.7)
    _, _, dense, _, _ = solver.step(term, 0.0, 0.5, START, 1.7, state, False)
    path = solver.interpolation_cls(t0=0.0, t1=0.5, **dense)
    between = path.evaluate(0.1, 0.3)
    apart = jtu.tree_map(jnp.subtract, path.evaluate(0.3), path.evaluate(0.1))
    assert between == apart


def test_weight_decay_in_both_directions_of_time():
    flow = gf.GradientFlow(weight_decay=0.4)
    problem = network([2, 3, 1])
    (law,) = known_laws(problem, flow)
    solver = Projected(diffrax.Tsit5(), [law], view=flow.view)
    solution = integrate(problem, solver, flow)
    assert drift(law, problem, solution.ys, solution.ts, rate=0.8) <= 1e-14
    value = lambda y: law(0.0, problem.model_at(y))
    field, start = flow.vector_field, problem.parameters
    saveat = diffrax.SaveAt(ts=[0.293, 0.28, 0.27])
    back = run(field, solver, 0.3, 0.27, -0.01, start, problem, saveat=saveat)
    for index, t in enumerate(back.ts):
        h = value(jtu.tree_map(lambda a: a[index], back.ys))
        goal = np.exp(0.8 * (0.3 - t)) * value(problem.parameters)
        np.testing.assert_allclose(h, goal, rtol=1e-13)


def pendulum(t, y, args):
    return {"angle": y["speed"], "speed": -args * jnp.sin(y["angle"])}


def energy(t, y):
    return y["speed"] ** 2 / 2 - 1.7 * jnp.cos(y["angle"])


START = {"angle": jnp.asarray(1.0), "speed": jnp.asarray(0.3)}


@pytest.mark.parametrize(
    "solver", variants(SOLVERS, slow=SOLVERS[:1]), ids=lambda s: type(s).__name__
)
def test_any_state_in_jit_and_vmap(solver):
    several = {"angle": jnp.array([1.0, 2.0, 0.2]), "speed": jnp.array([0.3, 0.0, 1.0])}
    projected = Projected(solver, [energy])

    def end(start):
        ys = run(pendulum, projected, 0.0, 5.0, 0.1, start, 1.7, rtol=1e-4).ys
        return jtu.tree_map(lambda a: a[0], ys)

    ends = jax.jit(jax.vmap(end))(several)
    levels = [jax.vmap(lambda y: energy(0.0, y))(y) for y in (ends, several)]
    np.testing.assert_allclose(*levels, rtol=2e-15, atol=1e-15)
    alone = jax.jit(end)(jtu.tree_map(lambda a: a[1], several))
    for a, b in zip(*map(jtu.tree_leaves, (alone, ends))):
        np.testing.assert_allclose(a, b[1], rtol=1e-9)


def test_derivatives_in_both_modes():
    """Of the end by the start, against differences of the same, frozen steps."""

    laws = [energy, lambda t, y: 2 * energy(t, y)]

    def end(angle, adjoint):
        start = {"angle": angle, "speed": jnp.asarray(0.3)}
        options = dict(adjoint=adjoint, max_steps=32)
        solver = Projected(diffrax.Tsit5(), laws)
        return run(pendulum, solver, 0.0, 2.0, 0.1, start, 1.7, **options).ys["angle"][
            0
        ]

    reverse = diffrax.RecursiveCheckpointAdjoint()
    forward = diffrax.ForwardMode()
    angle, step = 1.0, 1e-5
    go = jax.jit(jax.value_and_grad(lambda a: end(a, reverse)))
    (ahead, _), (behind, _), (_, back) = map(go, (angle + step, angle - step, angle))
    slope = lambda a: jax.jvp(lambda a: end(a, forward), (a,), (jnp.ones_like(a),))[1]
    there = jax.jit(slope)(angle)
    np.testing.assert_allclose(there, (ahead - behind) / (2 * step), rtol=1e-7)
    np.testing.assert_allclose(back, there, rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS[:1], ids=lambda s: type(s).__name__)
def test_the_slope_is_taken_anew_after_the_state_was_moved(solver):
    """Steps in one solve are those of solves of one step each, which know no slope."""

    projected, dt = Projected(solver, [energy]), jnp.asarray(0.5)
    go = jax.jit(lambda y, t0, t1: run(pendulum, projected, t0, t1, dt, y, 1.7))
    times = jnp.linspace(0.0, 2.0, 5)
    whole = go(START, times[0], times[4])
    y = START
    for t0, t1 in zip(times, times[1:]):
        y = jtu.tree_map(lambda a: a[0], go(y, t0, t1).ys)
    assert whole.stats["num_accepted_steps"] == 4
    for a, b in zip(*map(jtu.tree_leaves, (whole.ys, y))):
        np.testing.assert_allclose(a[0], b, rtol=1e-12)


def test_a_false_law_does_not_blow_up():
    """θ' = −θ moves off every level of these; the run ends, and says what it did."""

    def hold(law):
        solver, start = Projected(diffrax.Tsit5(), [law]), jnp.array([1.0, 0.5])
        options = dict(saveat=diffrax.SaveAt(t1=True, solver_state=True), rtol=1e-6)
        return run(lambda t, y, args: -y, solver, 0.0, 20.0, 0.1, start, **options)

    held = hold(lambda y: jnp.sum(y))
    np.testing.assert_allclose(jnp.sum(held.ys), 1.5, rtol=1e-14)
    assert held.solver_state.removed[0] > 1.0
    for law in (
        lambda y: jnp.stack([jnp.sum(y), jnp.sum(y) ** 2 + 1e-9 * y[0]]),
        lambda y: jnp.stack([y[0], y[1], y[0] * y[1]]),
        lambda t, y: jnp.exp(-5 * jnp.sum(y)) * (1 + t),
        lambda y: jnp.where(y[0] > 0.9, 1.0, 2.0),
        lambda y: jnp.log(y[0] - 0.8),
    ):
        end = hold(law).ys
        assert np.all(np.isfinite(end)) and np.max(np.abs(end)) < 10


def test_a_step_that_is_not_finite_is_not_hidden():
    """y' = y² from 1 ends at t = 1."""
    field = lambda t, y, args: jnp.where(t < 1.0, y**2, jnp.nan)
    solver = Projected(diffrax.Tsit5(), [lambda t, y: 1 / y + t])
    options = dict(max_steps=4, throw=False)
    solution = run(field, solver, 0.0, 2.0, 1.5, jnp.array([1.0]), **options)
    assert not np.all(np.isfinite(solution.ys))


def test_interpolants_carry_what_the_laws_read_of_args_and_no_more():
    """One layer is frozen: the law reads it from `args`, which holds the data too."""
    problem = network([3, 4, 2], "relu", trainable=["layers[1]"])
    law = gf.Law(
        lambda m: jnp.sum((m.layers[1].weight @ m.layers[0].weight) ** 2),
        "false, but smooth",
    )
    projected = Projected(diffrax.Tsit5(), [law], view=FLOW.view)
    saveat = diffrax.SaveAt(dense=True)
    solution = integrate(problem, projected, t1=0.3, saveat=saveat)
    value = lambda t: law(0.0, problem.model_at(solution.evaluate(t)))
    values = jax.vmap(value)(jnp.linspace(0.0, 0.3, 17))
    np.testing.assert_allclose(values, law(0.0, problem.model), rtol=1e-14)
    (kept,) = solution.interpolation.infos["levels"].arrays
    assert kept.shape == (512, *problem.model.layers[0].weight.shape)


def counting_problem(calls):
    """One sample, and a loss that tells the host each time that it is evaluated."""

    def loss(prediction, target):
        jax.debug.callback(lambda: calls.append(1))
        return 0.5 * (prediction - target) ** 2

    return gf.Problem(Product(1.3, 0.4), loss, (jnp.ones(1), jnp.full(1, 2.0)))


@pytest.mark.parametrize("name", variants(["tsit5", "heun", "radau_iia"], ["heun"]))
def test_inside_solve_with_its_cost(name):
    calls = []
    problem = counting_problem(calls)
    law = gf.Law(lambda m: m.u**2 - m.v**2, "balance", degree="quadratic")
    inside = gf.solvers.solver_by_name(name)
    solver = Projected(inside, [law], view=FLOW.view)
    options = dict(saveat=gf.linear_times(0.2, 1.0, 5), rtol=1e-4, laws=[law])
    solution = gf.solve(FLOW, problem, solver=solver, **options)
    jax.effects_barrier()
    assert solution.finished
    np.testing.assert_allclose(solution.laws["balance"], 1.3**2 - 0.4**2, rtol=1e-14)
    if name == "radau_iia":
        assert solution.cost.gradients > 0 and solution.cost.hvps > 0
    else:
        assert solution.cost.gradients == len(calls)
    properties = gf.solvers.adapted(solver).properties
    plain = gf.solvers.adapted(inside).properties
    assert properties.name == f"projected_{plain.name}"
    assert properties.order == plain.order
    assert "quadratic" in properties.exact_degrees


def test_single_precision():
    cast = lambda x: jnp.asarray(x, jnp.float32)
    start = jtu.tree_map(cast, START)
    solver = Projected(diffrax.Tsit5(), [lambda y: energy(None, y)])
    times = cast(0.0), cast(5.0), cast(0.1)
    solution = run(pendulum, solver, *times, start, cast(1.7), rtol=1e-3)
    end = jtu.tree_map(lambda a: a[0], solution.ys)
    assert end["angle"].dtype == jnp.float32
    assert abs(energy(None, end) - energy(None, start)) < 5e-7


def test_names_and_views():
    problem = network([2, 3, 1])
    laws = [*known_laws(problem, FLOW), lambda m: m.layers[0].bias]
    solver = Projected(diffrax.Tsit5(), laws)
    assert solver.enforced == ("rescaling of layers[0] → layers[1]", "<lambda>")
    assert solver.view is None and solver.seen_through(FLOW.view).view is not None
    assert Projected(diffrax.Tsit5(), energy).enforced == ("energy",)
    assert isinstance(solver, diffrax.AbstractERK)
    assert not isinstance(solver, diffrax.AbstractImplicitSolver)
    implicit = Projected(diffrax.Kvaerno5(), laws)
    assert isinstance(implicit, diffrax.AbstractImplicitSolver)
    assert implicit.root_find_max_steps == diffrax.Kvaerno5().root_find_max_steps
    carries = lambda inside: Projected(inside, laws).properties.carries_slope
    assert carries(diffrax.Kvaerno5()) and carries(diffrax.Dopri8())
    assert carries(diffrax.HalfSolver(diffrax.Tsit5()))
    assert not carries(diffrax.Heun()) and not carries(diffrax.ReversibleHeun())


@wrong_arguments
@pytest.mark.parametrize(
    "solver, laws, options, error, match",
    [
        ("tsit5", [energy], {}, gf.SolveError, "wanted a Diffrax solver; got str"),
        (diffrax.Tsit5(), [], {}, gf.SolveError, "at least one law"),
        (diffrax.Tsit5(), [3], {}, gf.LawError, "a law is a function"),
        (diffrax.Tsit5(), [lambda: 1.0], {}, gf.LawError, "needs 0 arguments"),
        (diffrax.Tsit5(), [energy], {"corrections": 0}, gf.SolveError, "got 0"),
    ],
)
def test_misuse(solver, laws, options, error, match):
    with pytest.raises(error, match=match):
        Projected(solver, laws, **options)
