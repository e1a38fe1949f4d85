"""Auto: which solver it chooses, what it records, what it costs."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.solvers import Auto

from ..analytic import product_problem, product_solution
from ..annotations import wrong_arguments

FLOW = gf.GradientFlow()


START = np.linspace(0.5, 1.0, 40)


def rates_of(rate):
    """Five outliers from 0.6 to 1 times `rate` over a bulk of 1."""
    return np.concatenate([np.linspace(0.6, 1.0, 5) * rate, np.ones(35)])


def field(t, y, args):
    """A quartic well, a forcing and kinks at every 1/20, each times its factor."""
    rates, cubic, forcing, kinks = args
    well = -rates * y - cubic * y**3
    kinked = 1.0 + 0.5 * jnp.abs(jnp.mod(20 * y, 2.0) - 1.0)
    return well + forcing * jnp.cos(40 * t) - kinks * kinked


def factors(rates=0.0, cubic=0.0, forcing=0.0, kinks=0.0):
    rates = jnp.asarray(np.broadcast_to(rates, 40).astype(float))
    return rates, *(jnp.asarray(x) for x in (cubic, forcing, kinks))


def well(rate):
    """y' = −rate y − y³ on 40 entries."""
    return factors(rates_of(rate), cubic=1.0)


def exact(rate, t):
    """Bernoulli's equation."""
    rates = rates_of(rate)
    decay = np.exp(-rates * t)
    return START * decay / np.sqrt(1 + START**2 / rates * (1 - decay**2))


def integrate(args, t1, tol, solver=None, start=START):
    """Saved at 17 times from 0 to t1."""
    tol, t1 = jnp.asarray(tol), jnp.asarray(t1)
    return diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver or Auto(),
        0.0,
        t1,
        1e-3,
        jnp.asarray(start),
        args,
        saveat=diffrax.SaveAt(
            ts=jnp.asarray(np.linspace(0.0, t1, 17)), solver_state=True
        ),
        stepsize_controller=diffrax.PIDController(rtol=tol, atol=tol),
        max_steps=20_000,
    )


@pytest.mark.parametrize("tol", [1e-5, 1e-10])
def test_it_goes_over_to_collocation_where_the_flow_is_stiff(tol):
    solution = integrate(well(1e4), 5.0, tol)
    np.testing.assert_allclose(solution.ys[-1], exact(1e4, 5.0), atol=30 * tol)
    state = solution.solver_state
    events = Auto().events(state)
    assert "radau_iia" in events[0][1] and 0 < events[0][0] < 0.1
    assert state.spent.gradients < 3000 and state.spent.hvps > 0
    assert solution.stats["num_accepted_steps"] < 150


def test_it_stays_explicit_where_it_is_not():
    """y' = −y/100 + cos 40t: the forcing bounds the step, not the decay."""
    forced = lambda t: (0.01 * np.cos(40 * t) + 40 * np.sin(40 * t)) / (1600 + 1e-4)
    solution = integrate(factors(0.01, forcing=1.0), 3.0, 1e-9)
    expected = (START - forced(0.0)) * np.exp(-0.03) + forced(3.0)
    np.testing.assert_allclose(solution.ys[-1], expected, atol=1e-7)
    assert solution.stats["num_accepted_steps"] > 20
    assert solution.solver_state.spent.hvps == 0
    assert Auto().events(solution.solver_state) == ()


def test_it_takes_less_order_across_kinks():
    """Of y' = −1 − |mod(20y, 2) − 1|/2: Bogacki–Shampine takes over."""
    kinks, start = factors(kinks=1.0), np.ones(40)
    solution = integrate(kinks, 2.0, 1e-8, start=start)
    modes = [what for _, what in Auto().events(solution.solver_state)]
    assert any("Bogacki" in what for what in modes)
    reference = integrate(kinks, 2.0, 1e-10, diffrax.Bosh3(), start)
    np.testing.assert_allclose(solution.ys[-1], reference.ys[-1], atol=1e-5)


def test_memory_decides_the_stiff_solver():
    y0 = jnp.zeros(1000)
    names = []
    for limit in (10**9, 8000 * 110, 8000 * 20):
        solver = Auto(memory_limit=limit).stiff_solver(y0)
        names.append((type(solver).__name__, getattr(solver, "memory", None)))
    assert names == [("RadauIIA", 10), ("RadauIIA", 0), ("ROCK2", None)]
    small = integrate(well(300.0), 3.0, 1e-5, Auto(memory_limit=320 * 20))
    np.testing.assert_allclose(small.ys[-1], exact(300.0, 3.0), atol=3e-4)
    assert Auto(memory_limit=320 * 20).events(small.solver_state)[0][1] == (
        "switched to rock2"
    )


@pytest.mark.parametrize("rate, t1", [(1.0, 0.5), (1e4, 3.0)])
def test_dense_output_in_every_mode(rate, t1):
    solution = integrate(well(rate), t1, 1e-9)
    expected = np.stack([exact(rate, t) for t in np.asarray(solution.ts)])
    np.testing.assert_allclose(solution.ys, expected, atol=1e-6)


def test_the_tolerance_decides_the_stages():
    for rtol, stages in ((1e-3, 3), (1e-4, 5), (1e-7, 5), (1e-8, 7), (1e-9, 7)):
        assert Auto().for_tolerance(rtol).stiff.stages == stages
    chosen = Auto(4)
    assert chosen.for_tolerance(1e-3) is chosen and chosen.stiff.stages == 4
    limited = Auto(memory_limit=10**6).for_tolerance(1e-12)
    assert limited.memory_limit == 10**6 and limited.for_tolerance(1e-3) is limited


def test_solve_lists_the_switch_and_certifies_the_end():
    problem = product_problem(time_scale=1.0)
    solution = gf.solve(FLOW, problem, t1=60.0, rtol=1e-8, certify=True)
    assert solution.solver.properties.name == "auto"
    assert any("radau_iia" in what for _, what in solution.events)
    u, v = product_solution(60.0)
    error = np.hypot(solution.model.u - u, solution.model.v - v) / np.hypot(u, v)
    certificate = solution.certificate
    assert error < 3e-6
    assert abs(certificate.difference - error) < 0.2 * error + 1e-10
    assert error <= certificate.error < 2 * error + 1e-10
    assert certificate.solver == "auto" and certificate.cost.gradients > 0
    assert certificate.rtol < solution.settings.rtol
    assert gf.certify(solution).error == certificate.error


def test_certify_and_finish_inside_jit():
    problem = product_problem()

    @jax.jit
    def end(t1):
        solution = gf.solve(
            FLOW,
            problem,
            t1=t1,
            rtol=1e-7,
            solver="auto",
            certify=True,
            finish="critical-point",
        )
        point = solution.critical_point
        return solution.certificate.error, point.gradient_norm, point.parameters

    error, norm, point = end(2.0)
    assert 0 < error < 1e-6
    assert norm <= 1e-13 and abs(point.u * point.v - 2.0) < 1e-12


@wrong_arguments
def test_the_critical_point_is_apart_from_the_flow():
    problem = product_problem()
    options = {"t1": 1.0, "rtol": 1e-8, "solver": "tsit5"}
    plain = gf.solve(FLOW, problem, **options)
    ended = gf.solve(FLOW, problem, **options, finish="critical-point")
    np.testing.assert_array_equal(plain.ts, ended.ts)
    np.testing.assert_array_equal(plain.model.u, ended.model.u)
    assert plain.cost.gradients == ended.cost.gradients
    assert plain.critical_point is None and bool(ended.critical_point.converged)
    with pytest.raises(gf.SolveError, match="critical-point"):
        gf.solve(FLOW, problem, t1=1.0, finish="newton")


@pytest.mark.parametrize("options", [{"stages": 2}, {"memory_limit": -1}])
def test_bad_settings(options):
    with pytest.raises(gf.SolveError):
        Auto(**options)


def test_a_set_that_the_flow_does_not_leave_is_kept():
    """Diagonal weights stay diagonal, and what is 0 asks nothing of the stages."""
    model = gf.models.Factorisation(3, 3, 3, key=jax.random.key(0))
    small = 1e-12 * jnp.eye(3)
    model = eqx.tree_at(lambda m: (m.left, m.right), model, (small, small))
    target = jnp.diag(jnp.array([4.0, 2.0, 1.0]))
    problem = gf.Problem(model, "mse", (jnp.arange(3), target))
    solution = gf.solve(FLOW, problem, t1=1e3, rtol=1e-10)
    assert len(solution.events) <= 2 and solution.rejected_steps < 20
    off = ~np.eye(3, dtype=bool)
    assert not np.any(np.asarray(solution.model.left)[off])
    np.testing.assert_allclose(solution.model.left @ solution.model.right.T, target)
