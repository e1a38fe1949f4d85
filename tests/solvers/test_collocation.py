"""Gauss–Legendre and Radau IIA: coefficients, orders, invariants, cost, use."""

import functools

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.solvers import GaussLegendre, RadauIIA
from gfflow.solvers.collocation._quadrature import quadrature

from ..analytic import product_problem
from ..annotations import wrong_arguments
from ..scripts import script
from ..variants import tuples, variants

orders = script("work_precision/orders.py")
FLOW = gf.GradientFlow()
CLASSES = {"gauss": GaussLegendre, "radau": RadauIIA}


def spectrum_field(t, y, args):
    """A gradient flow of a quartic well along directions of curvature 1 to 10⁴."""
    rates = jnp.logspace(0, 4, 12)
    return {"a": -rates * y["a"] - y["a"] ** 3, "b": -jnp.sin(y["b"])}


START = {"a": np.linspace(0.5, 1.0, 12), "b": np.array([[1.0, 2.0]])}


TIMES = np.linspace(0.0, 3.0, 31)


def integrate(solver, tol=1e-8, t1=3.0, y0=START, field=spectrum_field, **options):
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver,
        0.0,
        t1,
        1e-4,
        jax.tree_util.tree_map(jnp.asarray, y0),
        stepsize_controller=diffrax.PIDController(rtol=tol, atol=tol),
        max_steps=4000,
        **options,
    )


@functools.cache
def saved(solver, tol):
    """At `TIMES`, and between them."""
    saveat = diffrax.SaveAt(ts=jnp.asarray(TIMES), dense=True)
    return integrate(solver, tol, saveat=saveat)


def closed_form(t1=3.0):
    """a' = −ra − a³ is Bernoulli's equation; tan(b/2) = tan(b₀/2)e^{−t}."""
    rates, a = np.logspace(0, 4, 12), START["a"]
    decay = np.exp(-rates * t1)
    a = a * decay / np.sqrt(1 + a**2 / rates * (1 - decay**2))
    return a, 2 * np.arctan(np.tan(START["b"] / 2) * np.exp(-t1))


@pytest.mark.parametrize("family", CLASSES)
@pytest.mark.parametrize("stages", range(1, 10))
def test_coefficients_meet_their_order_conditions(family, stages):
    table = quadrature(family, stages)
    order = 2 * stages - (family == "radau")
    c, b, a = table.nodes, table.weights, table.matrix
    for q in range(1, order + 1):
        assert abs(b @ c ** (q - 1) - 1 / q) < 1e-15
    for q in range(1, stages + 1):
        np.testing.assert_allclose(a @ c ** (q - 1), c**q / q, atol=2e-15)
    if family == "gauss":
        defect = b[:, None] * a
        assert np.max(np.abs(defect + defect.T - np.outer(b, b))) < 1e-16
    errors = table.error_stages @ c[:, None] ** np.arange(stages)
    errors[0] += table.error_start
    np.testing.assert_allclose(errors[: stages - 1], 0, atol=1e-14)


def test_radau_of_three_stages_is_that_of_hairer_and_wanner():
    root = np.sqrt(6)
    np.testing.assert_allclose(
        quadrature("radau", 3).matrix[0],
        [(88 - 7 * root) / 360, (296 - 169 * root) / 1800, (-2 + 3 * root) / 225],
        rtol=1e-15,
    )


@pytest.mark.parametrize("family", CLASSES)
@pytest.mark.parametrize("stages", variants(range(1, 10), slow=(1, 3, 4, 6, 7, 8, 9)))
def test_order_by_regression(family, stages, record_property):
    order = 2 * stages - (family == "radau")
    solver = CLASSES[family](stages, rtol=1e-15, atol=1e-15)
    steps, errors = orders.errors(solver, stages)
    slope = orders.order(steps, errors)
    record_property(f"order of {family} with {stages} stages ({order})", f"{slope:.2f}")
    assert len(steps) >= 4
    assert abs(slope - order) < 0.3


@pytest.mark.parametrize("solver", [GaussLegendre(4), RadauIIA(3), RadauIIA(6)])
@pytest.mark.parametrize("tol", variants([1e-5, 1e-9], slow=(1e-5,)))
def test_closed_form_on_a_stiff_pytree(solver, tol):
    solution = saved(solver, tol)
    a, b = closed_form()
    end = solution.ys
    scale = 30 * tol
    np.testing.assert_allclose(end["a"][-1], a, atol=scale)
    np.testing.assert_allclose(end["b"][-1], b, atol=scale)
    steps = solution.stats
    assert steps["num_rejected_steps"] <= 0.15 * steps["num_accepted_steps"] + 1
    assert steps["num_accepted_steps"] < 200


def test_dense_output_and_saved_times():
    solution = saved(RadauIIA(6), 1e-9)
    tangents = np.tan(START["b"] / 2) * np.exp(-TIMES)[:, None, None]
    evaluated = [solution.evaluate(t)["b"] for t in jnp.asarray(TIMES)]
    for found in (solution.ys["b"], np.stack(evaluated)):
        np.testing.assert_allclose(found, 2 * np.arctan(tangents), atol=1e-7)


def test_backwards_in_time():
    field = lambda t, y, args: -y + jnp.cos(t)
    exact = lambda t: (jnp.cos(t) + jnp.sin(t)) / 2 + jnp.exp(-t)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        GaussLegendre(4),
        2.0,
        0.0,
        -0.01,
        exact(jnp.asarray(2.0))[None],
        stepsize_controller=diffrax.PIDController(rtol=1e-10, atol=1e-10),
    )
    np.testing.assert_allclose(solution.ys[-1], exact(jnp.asarray(0.0)), atol=1e-8)


@pytest.mark.parametrize("rtol", [1e-2, 1e-10])
@pytest.mark.parametrize(
    "kind",
    variants(
        ["deep linear", "relu", "deep relu", "relu_squared", "leaky relu"],
        slow=("deep linear", "relu", "relu_squared", "leaky relu"),
    ),
)
def test_quadratic_laws_are_kept_to_round_off(kind, rtol):
    key = jax.random.key(1)
    models = {
        "deep linear": lambda: gf.models.DeepLinear([3, 4, 4, 3], key=key),
        "relu": lambda: gf.models.MLP([3, 6, 3], key=key),
        "deep relu": lambda: gf.models.MLP([3, 5, 5, 3], key=key),
        "relu_squared": lambda: gf.models.MLP(
            [3, 6, 3], activation="relu_squared", key=key
        ),
        "leaky relu": lambda: gf.models.MLP(
            [3, 6, 3], activation="leaky_relu", key=key
        ),
    }
    problem, laws, solution = orders.preserved(models[kind](), rtol)
    assert laws
    assert solution.status_name == "successful"
    assert orders.law_drift(solution, problem, laws) <= 1e-14
    moved = float(solution.losses[0] - solution.losses[-1])
    assert moved > 1e-2 * float(solution.losses[0])


def test_the_other_solver_does_not_keep_them():
    problem = product_problem()
    law = gf.symbolic("u**2 - v**2")
    drifts = []
    for solver in (RadauIIA(2), GaussLegendre(2, exact_invariants=True)):
        solution = gf.solve(FLOW, problem, t1=2.0, rtol=1e-3, solver=solver, laws=[law])
        drifts.append(orders.law_drift(solution, problem, [law]))
    assert drifts[0] > 1e-8 and drifts[1] < 1e-15


def counted(solver):
    """The field's own count of its evaluations, and the solver's."""
    calls = []

    def field(t, y, args):
        jax.debug.callback(lambda _: calls.append(1), y[0])
        return -y - y**3

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver,
        0.0,
        1.0,
        0.25,
        jnp.linspace(0.5, 1.0, 40),
        saveat=diffrax.SaveAt(t1=True, solver_state=True),
    )
    jax.effects_barrier()
    return len(calls), solution.solver_state.spent


def test_nothing_is_left_out_of_the_count():
    """No step is rejected; products taken at one state evaluate the field once more."""
    options = dict(rtol=1e-6, atol=1e-6)
    for solver in (RadauIIA(3, **options), GaussLegendre(3, **options)):
        calls, spent = counted(solver)
        beyond = calls - int(spent.gradients)
        assert 0 < beyond <= int(spent.hvps) / 3


def softplus_problem():
    random = np.random.default_rng(5)
    x, teacher = random.standard_normal((60, 2)), random.standard_normal((4, 2))
    y = (np.logaddexp(0, x @ teacher.T) @ random.standard_normal(4))[:, None]
    model = gf.models.MLP(
        [2, 4, 1], activation="softplus", init_scale=0.7, key=jax.random.key(5)
    )
    return gf.Problem(model, "mse", (x, y))


SOFTPLUS = softplus_problem()


def last(solver, t1, rtol):
    options = dict(saveat=np.array([t1]), parameters_every=0)
    return gf.solve(FLOW, SOFTPLUS, rtol=rtol, solver=solver, **options)


@pytest.mark.parametrize("stages", variants([3, 5], slow=(5,)))
def test_what_gauss_does_not_damp_costs_no_steps(stages):
    """Gauss–Legendre carries the error of what is stiff on from step to step, its sign
    turned: neither the guess of the stages nor the size of the steps may suffer."""
    ours, damped = (last(kind(stages), 1e4, 1e-2) for kind in (GaussLegendre, RadauIIA))
    tried = ours.accepted_steps + ours.rejected_steps
    assert ours.rejected_steps <= 0.15 * tried
    assert ours.cost.gradients < 2 * damped.cost.gradients


def test_few_steps_are_rejected_from_saddle_to_saddle():
    random = np.random.default_rng(1)
    data = random.standard_normal((50, 6)), random.standard_normal((50, 6))
    model = gf.models.DeepLinear([6] * 5, init_scale=0.2, key=jax.random.key(3))
    found = gf.solve(
        FLOW,
        gf.Problem(model, "mse", data),
        t1=3000.0,
        rtol=1e-10,
        solver=RadauIIA(5),
        saveat=np.array([3000.0]),
        parameters_every=0,
    )
    rejected, accepted = found.rejected_steps, found.accepted_steps
    assert rejected < 0.1 * (accepted + rejected)


def test_chunks_of_stages_change_nothing_but_the_chain():
    ends, chains = [], []
    for chunk in (None, 1):
        solution = last(RadauIIA(3, stage_chunk=chunk), 1.0, 1e-6)
        ends.append(
            np.concatenate([x.ravel() for x in jax.tree.leaves(solution.state)])
        )
        chains.append(solution.cost.sequential_gradients)
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)
    assert chains[1] > 1.8 * chains[0]


@pytest.mark.parametrize(
    "vectors, memory",
    tuples([(10, 2), ("dense", 0), (10, 0), ("dense", 2)], [(10, 0), ("dense", 2)]),
)
def test_any_number_of_vectors(vectors, memory):
    solver = RadauIIA(4, vectors=vectors, memory=memory)
    end = integrate(solver, 1e-7).ys
    np.testing.assert_allclose(end["b"][-1], closed_form()[1], atol=1e-5)


def test_many_equal_stiff_directions_of_a_small_state():
    """They are found a block at a time."""
    field = lambda t, y, args: -1e4 * y - y**3
    y0 = jnp.linspace(0.5, 1.0, 29)
    solution = integrate(RadauIIA(5), 1e-6, 5.0, y0, field)
    np.testing.assert_allclose(solution.ys[-1], 0.0, atol=1e-5)
    assert solution.stats["num_accepted_steps"] < 100


def test_gradient_through_a_stiff_solve():
    def end(scale):
        start = {"a": scale * START["a"], "b": START["b"]}
        return jnp.sum(integrate(RadauIIA(4), 1e-9, 1.0, start).ys["a"][-1])

    go, step = jax.jit(jax.value_and_grad(end)), 1e-4
    values, slopes = zip(*(go(1.0 + shift) for shift in (-step, 0.0, step)))
    expected = (values[2] - values[0]) / (2 * step)
    assert abs(slopes[1] - expected) < 1e-5 * abs(expected) + 1e-9


def test_vmap_and_single_precision():
    starts = jnp.stack([jnp.linspace(0.1, 1.0, 5), jnp.linspace(-2.0, 1.0, 5)])
    starts = starts.astype(jnp.float32)
    field = lambda t, y, args: -y - y**3

    def end(y0):
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            RadauIIA(3),
            jnp.float32(0),
            jnp.float32(1),
            jnp.float32(0.01),
            y0,
            stepsize_controller=diffrax.PIDController(
                rtol=jnp.float32(1e-5), atol=jnp.float32(1e-5)
            ),
        ).ys[-1]

    ends = jax.vmap(end)(starts)
    assert ends.dtype == jnp.float32
    exact = np.exp(-1) * np.asarray(starts, float)
    exact = exact / np.sqrt(1 + np.asarray(starts) ** 2 * (1 - np.exp(-2)))
    np.testing.assert_allclose(ends, exact, atol=3e-4)


@wrong_arguments
@pytest.mark.parametrize(
    "options, match",
    [
        ({"stages": 0}, "1 to 9"),
        ({"stages": 10}, "1 to 9"),
        ({"vectors": 0}, "vectors"),
        ({"vectors": "some"}, "vectors"),
        ({"memory": -1}, "memory"),
        ({"stage_chunk": 0}, "stage_chunk"),
        ({"rtol": 1e-3}, "both rtol and atol"),
    ],
)
def test_bad_settings(options, match):
    for method in CLASSES.values():
        with pytest.raises(gf.SolveError, match=match):
            method(**options)
