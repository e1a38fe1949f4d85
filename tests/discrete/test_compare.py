"""A discrete run beside the flow: distances, sharpness, departure, laws."""

import json

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow import discrete
from gfflow.discrete._comparison import first_crossing

from ..analytic import product_problem, product_solution
from ..annotations import wrong_arguments
from .optimiser_cases import iterates, product_gradient, quadratic

FLOW = gf.GradientFlow()
START = (1.3, 0.4)
C = gf.symbolic("u**2 - v**2", "c")


def beside(run, **options):
    options = {"solver": "dopri8", "rtol": 1e-11, "sharpness": False} | options
    return gf.compare(FLOW, run, **options)


def test_against_the_closed_form():
    eta = 0.05
    run = gf.DiscreteFlow("sgd", eta).run(
        product_problem(*START), save=range(1, 31), laws=[C]
    )
    found = beside(run)
    theta = iterates("sgd", product_gradient, START, eta, 30)
    exact = np.transpose(product_solution(eta * np.arange(31), *START))
    size = np.linalg.norm(exact, axis=1)
    gaps = np.linalg.norm(theta - exact, axis=1) / size
    np.testing.assert_allclose(found.distances, gaps, atol=1e-10)
    moved = np.linalg.norm(exact - exact[0], axis=1) / size
    np.testing.assert_allclose(found.travelled, moved, atol=1e-10)
    np.testing.assert_allclose(
        found.flow_losses, (exact.prod(1) - 2) ** 2 / 2, atol=1e-10
    )
    law = found.laws["c"]
    c = theta[:, 0] ** 2 - theta[:, 1] ** 2
    scale = max(size[0] ** 2, size[-1] ** 2)
    assert law.discrete == pytest.approx(np.max(np.abs(c - c[0])) / scale, rel=1e-8)
    assert law.flow < 1e-9 and law.residual < 1e-15
    assert found.departure is None and found.sharpness is None
    level = (gaps[3] + gaps[4]) / 2
    found = beside(run, tolerance=level)
    assert found.departure == pytest.approx(3.5 * eta, rel=1e-6)


def test_sharpness_with_rates_and_decay():
    """S^½HS^½ + λ of a diagonal Hessian, by hand."""
    eigenvalues = np.array([1.0, 5.0, 3.0])
    rates = np.array([4.0, 0.5, 2.0])
    problem = quadratic(eigenvalues)
    problem = quadratic(
        eigenvalues, time_scale=jtu.tree_map(lambda _: rates, problem.parameters)
    )
    states = jtu.tree_map(lambda x: jnp.stack([x, 2 * x]), problem.parameters)
    found = discrete.sharpness(problem, states, weight_decay=0.25)
    np.testing.assert_allclose(found, [6.25, 6.25], rtol=1e-10)


def test_departure_where_the_step_is_too_large():
    """λη = 2.5: θ_k = (1 − 2.5)^k against e^{−2.5k}, and the threshold is exceeded."""
    eta = 0.5
    run = gf.DiscreteFlow("sgd", eta).run(quadratic([5.0, 0.01]), save=range(1, 11))
    found = beside(run, sharpness=True, tolerance=3.0)
    np.testing.assert_allclose(found.flow_sharpness, 5.0, rtol=1e-8)
    np.testing.assert_allclose(found.thresholds, 4.0)
    assert found.crossing == found.discrete_crossing == 0.0
    k = np.arange(11)
    first = (-1.5) ** k - np.exp(-2.5 * k)
    second = (1 - 0.005) ** k - np.exp(-0.005 * k)
    size = np.hypot(np.exp(-2.5 * k), np.exp(-0.005 * k))
    gaps = np.hypot(first, second) / size
    np.testing.assert_allclose(found.distances, gaps, rtol=1e-7, atol=1e-12)
    i = int(np.argmax(gaps > 3.0))
    wanted = np.interp(3.0, gaps[i - 1 : i + 1], eta * k[i - 1 : i + 1])
    assert found.departure == pytest.approx(wanted, rel=1e-7)
    assert "departure" in str(found) and "exceeds 4" in str(found)
    stored = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert stored["departure"] == found.departure and stored["crossing"] == 0.0
    assert len(stored["rows"]["flow_sharpness"]) == 11


def test_crossings_of_excess():
    ts = np.array([0.0, 1.0, 2.0, 3.0])
    cases = [
        ([-1, -1, 1, 1], 1.5),
        ([-1, -1, -1, 0], None),
        ([1, -1, 1, 1], 0.0),
        ([-1, np.nan, 1, 1], 2.0),
        ([-1, -3, np.inf, 1], 2.0),
        ([np.nan] * 4, None),
    ]
    for excess, wanted in cases:
        assert first_crossing(ts, np.array(excess, float)) == wanted


def test_a_solution_at_the_run_s_times_is_used_as_it_is():
    problem = product_problem(*START)
    run = gf.DiscreteFlow("sgd", 0.05).run(problem, steps=20, laws=[C])
    times = np.asarray(run.ts[1:])
    options = {"solver": "dopri5", "rtol": 1e-6}
    solution = gf.solve(FLOW, problem, saveat=times, parameters_every=1, **options)
    marked = solution.__class__(
        **{
            **{name: getattr(solution, name) for name in solution.__dict__},
            "states": jtu.tree_map(lambda x: x + 1, solution.states),
        }
    )
    shifted = gf.compare(marked, run, sharpness=False)
    assert shifted.distances[0] > 0.5
    again = gf.compare(marked, run, sharpness=False, rtol=1e-9)
    assert again.distances[0] == 0 and again.distances[-1] < 0.1
    sparse = gf.solve(FLOW, problem, t1=1.0, **options)
    other = gf.compare(sparse, run, sharpness=False)
    np.testing.assert_allclose(other.distances, again.distances, atol=1e-5)


def test_a_run_that_diverges_is_compared_as_far_as_it_went():
    run = gf.DiscreteFlow("sgd", 3.0).run(product_problem(*START), save=range(1, 60))
    found = beside(run)
    assert found.status == "non_finite" and not found.finished
    assert found.departure < 3.0 and len(found.ts) == len(run.ts)
    at_once = gf.DiscreteFlow("sgd", 1e300).run(product_problem(*START), steps=5)
    found = beside(at_once, sharpness=True)
    assert found.distances.tolist() == [0.0] and found.departure is None
    assert found.steps[-1] == 0
    json.dumps(found.to_json(), allow_nan=False)


def test_a_flow_that_stops_early():
    problem = product_problem(*START)
    run = gf.DiscreteFlow("sgd", 0.05).run(problem, save=range(1, 21))
    times = np.asarray(run.ts[1:])
    short = gf.solve(
        FLOW, problem, saveat=times, parameters_every=1, max_steps=5, solver="tsit5"
    )
    found = gf.compare(short, run, sharpness=False)
    assert found.flow_status == "max_steps_reached" and not found.finished
    assert 1 <= len(found.ts) <= 6
    assert "the flow: max_steps_reached" in str(found)


@wrong_arguments
def test_what_does_not_belong_together():
    problem = product_problem(*START)
    run = gf.DiscreteFlow("sgd", 0.05).run(problem, steps=5)
    elsewhere = gf.solve(FLOW, product_problem(1.0, 0.4), t1=0.1, solver="tsit5")
    with pytest.raises(gf.CheckError, match="different parameters"):
        gf.compare(elsewhere, run)
    with pytest.raises(gf.CheckError, match="got str"):
        gf.compare("gradient", run)
    with pytest.raises(gf.SolveError, match="tolerance"):
        gf.compare(FLOW, run, tolerance=0.0)
    second = gf.DiscreteFlow("heavy_ball", 0.05, second_order=True)
    law = gf.Law(lambda phase: phase.velocity.u, "speed")
    run = second.run(problem, steps=5, laws=[law])
    with pytest.raises(gf.CheckError, match="momentum flow"):
        beside(run)
