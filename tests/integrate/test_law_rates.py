"""The rates of laws at the stages of every accepted step."""

import time

import diffrax
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.integrate import prepare
from gfflow.integrate._law_rates import LawMeasure
from gfflow.solvers import GaussLegendre, RadauIIA, Stages

from ..analytic import product_problem, product_solution
from ..variants import variants

FLOW, PROBLEM, T1, TARGET = gf.GradientFlow(), product_problem(), 3.0, 2.0
TRUE = gf.Law(lambda m: m.u**2 - m.v**2, "true", degree="quadratic")
FALSE = gf.Law(lambda t, m: jnp.stack([m.u * m.v**2, t * m.u]), "false")
LAWS = [TRUE, FALSE]
OPTIONS = {"t1": T1, "laws": LAWS, "law_rates": True, "saveat": np.array([1.5, T1])}
# Solver, its order less what a fit of three runs may miss, and the error of ∫ḣ dt in
# units of the tolerance: of the trapezoidal rule ten times that of ROCK2 itself.
METHODS = {
    "tsit5": (diffrax.Tsit5(), 4.5, 4),
    "dopri8": (diffrax.Dopri8(), 7.5, 1),
    "radau_iia": (RadauIIA(3), 4.5, 10),
    "gauss_legendre": (GaussLegendre(3), 4.5, 10),
    "auto": (gf.solvers.Auto(3), 4.5, 10),
    "rock2": ("rock2", 1.9, 4000),
}
SLOW = {"dopri8", "gauss_legendre", "auto", "rock2"}


def closed_form(t):
    """u v² and t u, and their rates."""
    u, v = product_solution(t)
    rest = u * v - TARGET
    slopes = -v * rest, -u * rest
    rates = slopes[0] * v**2 + 2 * u * v * slopes[1], u + t * slopes[0]
    return np.stack([u * v**2, t * u]), np.stack(rates)


def solved(solver="tsit5", rtol=1e-7, **options):
    return gf.solve(FLOW, PROBLEM, solver=solver, rtol=rtol, **OPTIONS | options)


def same(a, b) -> bool:
    leaves, others = jtu.tree_leaves(a), jtu.tree_leaves(b)
    return len(leaves) == len(others) and all(map(np.array_equal, leaves, others))


@pytest.mark.parametrize("name", variants(METHODS, slow=SLOW))
def test_the_integral_of_a_rate_has_the_order_of_the_method(name):
    solver, order, most = METHODS[name]
    tolerances = (1e-4, 1e-6, 1e-8) if name == "rock2" else (1e-5, 1e-7, 1e-9)
    runs = [solved(solver, rtol) for rtol in tolerances]
    exact = closed_form(np.array([0.0, 1.5, T1]))[0].T
    errors = [
        np.abs(run.law_rates["false"].change - (exact - exact[:1])) for run in runs
    ]
    for rtol, error in zip(tolerances, errors):
        assert error.max() < most * rtol
    steps = [int(run.accepted_steps) for run in runs]
    falls = np.log(errors[0][-1, 0] / errors[2][-1, 0])
    assert falls / np.log(steps[2] / steps[0]) > order

    true, false = runs[2].law_rates["true"], runs[2].law_rates["false"]
    assert np.all(true.largest < 1e-14) and np.all(true.absolute < 1e-14)
    assert np.all(np.abs(true.change) < 1e-14)
    drift = runs[2].laws["true"][-1] - runs[2].laws["true"][0]
    assert abs(drift) > 100 * abs(true.change[-1])  # it is all of the integrator
    at, largest = false.at[-1], false.largest[-1]
    fine = np.linspace(0, T1, 3001)
    rates = np.abs(closed_form(fine)[1])
    np.testing.assert_allclose(largest, rates.max(axis=1), rtol=2e-2)
    there = np.array([closed_form(float(t))[1][i] for i, t in enumerate(at)])
    np.testing.assert_allclose(largest, np.abs(there), rtol=2e-2)
    total = np.trapezoid(rates, fine, axis=1)
    np.testing.assert_allclose(false.absolute[-1], total, rtol=1e-2)
    assert np.all(false.at[0] == 0.0) and not np.any(false.change[0])


@pytest.mark.parametrize("name", variants(METHODS, slow=set(METHODS) - {"tsit5"}))
def test_the_steps_are_the_same_to_the_last_bit(name):
    solver = METHODS[name][0]
    with_rates, without = solved(solver), solved(solver, law_rates=False)
    assert without.law_rates is None
    table = lambda run: (run.ts, run.losses, run.gradient_norms, run.laws, run.states)
    assert same(table(with_rates), table(without))
    assert with_rates.accepted_steps == without.accepted_steps
    assert with_rates.cost[:3] == without.cost[:3]


def test_rejected_steps_count_nothing():
    run, exact = solved(dt0=2.5, rtol=1e-9), closed_form(np.array([0.0, T1]))[0]
    assert run.rejected_steps > 0
    change = run.law_rates["false"].change[-1]
    np.testing.assert_allclose(change, exact[:, 1] - exact[:, 0], rtol=1e-8)
    largest = np.abs(closed_form(np.linspace(0, T1, 3001))[1]).max(axis=1)
    np.testing.assert_allclose(run.law_rates["false"].largest[-1], largest, rtol=2e-2)


def test_pauses_change_nothing():
    options = OPTIONS | {"rtol": 1e-9, "solver": "tsit5"}
    integration = prepare(FLOW, PROBLEM, **options)
    carry, row = integration.start()
    rows, pauses = [row], 0
    while len(rows) < 3:
        carry = carry.with_status(gf.Status.successful)
        now = time.monotonic()
        for carry, row in integration.rows(carry, len(rows), deadline=now):
            rows += [] if row is None else [row]
            pauses += row is None
    assert pauses > 2
    whole = solved(rtol=1e-9)
    last = jtu.tree_map(lambda x: x[-1], whole.law_rates)
    assert same(rows[-1].rates_by_law, last)
    assert jtu.tree_structure(carry) == jtu.tree_structure(integration.carry_like())


def test_under_vmap():
    def one(start):
        problem = product_problem(u=start)
        run = gf.solve(FLOW, problem, solver="tsit5", rtol=1e-8, **OPTIONS)
        return run.law_rates

    starts = jnp.array([1.3, 0.9])
    rates = jax.jit(jax.vmap(one))(starts)["false"]
    for start, change in zip(starts, rates.change):
        u, v = product_solution(np.array([0.0, T1]), u=float(start))
        exact = np.diff(u * v**2)[0], T1 * u[1]
        np.testing.assert_allclose(change[-1], exact, rtol=1e-6)


def test_a_solver_that_does_not_show_its_stages():
    run = solved(diffrax.ReversibleHeun(), rtol=1e-3)
    assert run.law_rates is None
    (event,) = [what for t, what in run.events if t == 0.0]
    assert "not recorded: reversibleheun" in event


def two_stages() -> Stages:
    """y' = −y at y = 1 and 2, weights 1/2 and 1/4, slopes in units of 1/2."""
    both = jtu.tree_map(lambda x: jnp.array([1.0, 2.0]), PROBLEM.parameters)
    pair = lambda y: (y, jtu.tree_map(lambda x: -x / 2, y))
    return Stages(
        jnp.array([3.0, 4.0]),
        jnp.array([0.5, 0.25]),
        jnp.asarray(0.5),
        lambda i: pair(jtu.tree_map(lambda x: x[i], both)),
        lambda: pair(both),
    )


def test_what_a_law_states_is_no_excess():
    laws = {
        "decays": gf.Law(lambda m: m.u**2, "decays", decay_rate=2.0),
        "other": gf.Law(lambda m: m.u**2, "other", decay_rate=1.5),
        "produced": gf.Law(
            lambda t, m: t * m.u, "produced", production=lambda t, m: m.u * (1 - t)
        ),
    }
    rates = LawMeasure(FLOW, laws)(two_stages(), PROBLEM)
    change = -2 * (0.5 + 0.25 * 4)
    np.testing.assert_allclose(rates.change, [change, change, 0.5 * -2 + 0.25 * -6])
    np.testing.assert_allclose(rates.largest, [0.0, 2.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(rates.absolute, [0.0, 0.75, 0.0], atol=1e-15)
    assert rates.at[1] == 4.0


def test_stages_one_after_another():
    function = lambda t, y, slope: (t, y, slope)
    seen = two_stages().seen_by(lambda t, y: jtu.tree_map(lambda x: t * x, y))
    for stages in (two_stages(), seen):
        assert same(stages.map(function, 10**6), stages.map(function, 0))
    _, state, slope = seen.map(function, 0)
    np.testing.assert_array_equal(state.u, [3.0, 8.0])
    np.testing.assert_array_equal(slope.u, [0.5 - 1.5, 1.0 - 4.0])
