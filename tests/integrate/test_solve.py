"""solve against closed forms and another integrator, for every solver."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow._registry import names

from ..analytic import (
    linear_problem,
    linear_reference,
    product_problem,
    product_solution,
    smooth_problem,
)
from ..annotations import wrong_arguments
from ..variants import variants

FLOW = gf.GradientFlow()
EXPLICIT = {
    "heun": 2,
    "midpoint": 2,
    "ralston": 2,
    "bosh3": 3,
    "tsit5": 5,
    "dopri5": 5,
    "dopri8": 8,
}


# Their own tests say more of these.
OF_THEIR_OWN = {"auto", "gauss_legendre", "radau_iia", "rock2"}


def test_closed_form_of_the_scalar_network():
    times = gf.log_times(1e-2, 5.0, 12)
    solution = gf.solve(
        FLOW, product_problem(), rtol=1e-13, saveat=times, parameters_every=1
    )
    u, v = product_solution(solution.state_ts)
    assert solution.status_name == "successful" and solution.finished
    np.testing.assert_allclose(solution.states.u, u, rtol=0, atol=1e-11)
    np.testing.assert_allclose(solution.states.v, v, rtol=0, atol=1e-11)
    np.testing.assert_allclose(solution.losses, (u * v - 2) ** 2 / 2, atol=1e-11)
    slope = np.abs(u * v - 2) * np.hypot(u, v)
    np.testing.assert_allclose(solution.gradient_norms, slope, atol=1e-11)


def test_time_scale_and_weight_decay_in_closed_form():
    options = dict(rtol=1e-13, solver="dopri8")
    fast = gf.solve(FLOW, product_problem(time_scale=2.0), t1=0.5, **options)
    u, v = product_solution(1.0)
    np.testing.assert_allclose([fast.model.u, fast.model.v], [u, v], atol=1e-11)
    flow = gf.GradientFlow(weight_decay=0.3)
    law = gf.symbolic("u**2 - v**2")
    decayed = gf.solve(flow, product_problem(), t1=2.0, laws=[law], **options)
    kept = decayed.laws[law.name] * np.exp(0.6 * np.asarray(decayed.ts))
    np.testing.assert_allclose(kept, 1.3**2 - 0.4**2, atol=1e-11)


def test_two_layer_linear_network_against_heyoka():
    problem = linear_problem()
    solution = gf.solve(FLOW, problem, t1=3.0, rtol=1e-13, solver="dopri8")
    reference = linear_reference(problem, 3.0)
    for layer, weight in zip(solution.model.layers, reference):
        np.testing.assert_allclose(layer.weight, weight, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", variants(EXPLICIT, ["midpoint", "ralston"]))
def test_convergence_with_tolerance(name):
    loose, fine = (1e-5, 1e-7) if EXPLICIT[name] < 5 else (1e-6, 1e-10)
    u, v = product_solution(1.0)
    error = {}
    for rtol in (loose, fine):
        end = gf.solve(
            FLOW, product_problem(), saveat=jnp.ones(1), rtol=rtol, solver=name
        )
        error[rtol] = np.hypot(end.model.u - u, end.model.v - v)
        assert error[rtol] < 100 * rtol
    assert error[fine] < error[loose] / (loose / fine) ** 0.6


@pytest.mark.parametrize(
    "name",
    variants(
        sorted(set(names("solvers")) - {"conjugate"}),
        slow={"kencarp3", "kencarp4", "kvaerno3", "kvaerno4", *OF_THEIR_OWN},
    ),
)
def test_every_solver_runs(name):
    rtol = 1e-3 if name == "impliciteuler" else 1e-5
    end = gf.solve(
        FLOW, product_problem(), saveat=jnp.ones(1), rtol=rtol, solver=name.upper()
    )
    u, v = product_solution(1.0)
    assert end.status_name == "successful"
    assert abs(end.model.u - u) + abs(end.model.v - v) < 100 * rtol


def test_conjugate_runs_by_its_name():
    """For momentum flows only; with a friction so large that the flow is θ' = −∇L/τ."""
    options = dict(rtol=1e-3, solver="conjugate")
    with pytest.raises(gf.SolveError, match="Conjugate is for MomentumFlow"):
        gf.solve(FLOW, product_problem(), **options)
    end = gf.solve(gf.MomentumFlow(30.0), product_problem(), t1=30.0, **options)
    u, v = product_solution(1.0)
    assert end.status_name == "successful"
    assert abs(end.model.u - u) + abs(end.model.v - v) < 1e-2


def test_saved_times_are_hit_exactly():
    times = jnp.array([0.1, 0.2, 0.3000000001, 0.7])
    solution = gf.solve(
        FLOW, product_problem(), t1=0.9, saveat=times, rtol=1e-6, solver="tsit5"
    )
    wanted = np.array([0.0, *np.asarray(times), 0.9])
    assert np.array_equal(solution.ts, wanted)
    assert np.array_equal(solution.grid, wanted)
    late = gf.solve(FLOW, product_problem(), t0=-1.5, t1=2.5, solver="tsit5")
    assert late.ts[0] == -1.5 and late.ts[-1] == 2.5 and len(late.ts) == 51
    np.testing.assert_allclose(late.model.u, product_solution(4.0)[0], atol=1e-8)


def test_states_that_are_kept():
    options = dict(saveat=gf.linear_times(0.1, 1.0, 10), rtol=1e-6, solver="tsit5")
    keep = lambda every: gf.solve(
        FLOW, product_problem(), parameters_every=every, **options
    )
    assert np.array_equal(keep(0).state_ts, [0.0, 1.0])
    np.testing.assert_allclose(keep(3).state_ts, [0.0, 0.3, 0.6, 0.9, 1.0])
    assert np.array_equal(keep(1).state_ts, keep(1).ts)
    assert len(keep(None).state_ts) == 11


def test_solver_objects_are_taken():
    solution = gf.solve(
        FLOW, product_problem(), t1=1.0, solver=diffrax.Bosh3(), rtol=1e-5
    )
    assert solution.finished and isinstance(solution.solver, diffrax.Bosh3)


def test_chunked_data_give_the_same_run():
    options = dict(t1=1.0, rtol=1e-8, solver="tsit5")
    one = gf.solve(FLOW, smooth_problem(), **options)
    two = gf.solve(FLOW, smooth_problem(chunk=4), **options)
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-10)


def test_single_precision():
    problem = product_problem(dtype=jnp.float32)
    solution = gf.solve(FLOW, problem, t1=1.0)
    assert solution.ts.dtype == jnp.float32 and solution.model.u.dtype == jnp.float32
    np.testing.assert_allclose(solution.model.u, product_solution(1.0)[0], rtol=1e-4)
    with pytest.raises(gf.SolveError, match="rtol=1e-10 .* float32"):
        gf.solve(FLOW, problem, t1=1.0, rtol=1e-10)


@wrong_arguments
@pytest.mark.parametrize(
    "options, words",
    [
        ({}, "needs t1"),
        ({"t1": 0.0}, "t1 must lie after t0"),
        ({"t1": 1.0, "rtol": -1.0}, "rtol must be positive"),
        ({"t1": 1.0, "rtol": 1e-17}, "under the reach"),
        ({"t1": 1.0, "atol": 0.0}, "atol must be positive"),
        ({"t1": 1.0, "solver": "dopri9"}, "did you mean 'dopri"),
        ({"t1": 1.0, "solver": diffrax.Euler()}, "no error estimate"),
        ({"t1": 1.0, "saveat": jnp.array([0.5, 0.4])}, "must increase"),
        ({"t1": 1.0, "saveat": jnp.array([0.5, 2.0])}, r"must lie in \(t0, t1\]"),
        ({"t1": 1.0, "saveat": jnp.array([0.5, jnp.nan])}, "finite"),
        ({"t1": 1.0, "parameters_every": -1}, "must not be negative"),
        ({"t1": 1.0, "dt0": 0.0}, "dt0 must be positive"),
        ({"t1": 1.0, "laws": [jnp.sum]}, "laws are gfflow.Law"),
        ({"t1": 1.0, "laws": [gf.symbolic("u"), gf.symbolic("u")]}, "two laws"),
        ({"t1": 1.0, "max_wall_time": 0.0}, "max_wall_time must be positive"),
        ({"t1": 1.0, "stop_gradient_norm": 0.0}, "stop_gradient_norm must be"),
    ],
)
def test_settings_that_cannot_be_met(options, words):
    with pytest.raises(gf.SolveError, match=words):
        gf.solve(FLOW, product_problem(), **options)


def test_laws_are_recorded_at_every_row():
    law = gf.Law(lambda t, m: jnp.stack([m.u**2 - m.v**2, t]), "both")
    options = dict(t1=1.0, rtol=1e-12, solver="dopri8", laws=[law])
    solution = gf.solve(FLOW, product_problem(), **options)
    values = solution.laws["both"]
    assert values.shape == (51, 2)
    np.testing.assert_allclose(values[:, 0], 1.3**2 - 0.4**2, atol=1e-11)
    assert np.array_equal(values[:, 1], solution.ts)
    assert jax.tree_util.tree_leaves(solution.parameters)[0] == solution.model.u
