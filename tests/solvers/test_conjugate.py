"""Momentum flows in (θ, μθ'): rotation laws to round-off at any tolerance."""

import diffrax
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import Friction, MomentumFlow
from gfflow.solvers import Auto, Conjugate, GaussLegendre, Projected

from ..annotations import wrong_arguments
from ..variants import variants

X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=20)
PROBLEM = gf.Problem(
    gf.models.DeepLinear([3, 3, 2], key=jax.random.key(0)), "mse", (X, Y)
)
EXACT = GaussLegendre(3, exact_invariants=True)


def drift(flow, solver, t1, rtol):
    """Of the rotation law, over the largest scale on the way; and the solution."""
    (law,) = gf.laws.rotation(PROBLEM, flow)
    solution = gf.solve(
        flow,
        PROBLEM,
        t1=t1,
        rtol=rtol,
        solver=solver,
        laws=[law],
        parameters_every=1,
    )
    size = jax.vmap(
        lambda t, s: law.absolute_value(t, flow.view(jtu.tree_map(jnp.abs, s), PROBLEM))
    )(solution.state_ts, solution.states)
    values = np.asarray(solution.laws[law.name])
    return np.max(np.abs(values - values[0])) / np.max(size), solution


@pytest.mark.parametrize("friction", variants([1.0, gf.nesterov], slow=[1.0]))
def test_rotations_are_kept(friction):
    """While μ grows by 10⁶ and more; Nesterov's flow starts at t = 0."""
    t1 = 100.0 if friction is gf.nesterov else np.log(1e6)
    kept, rough = drift(MomentumFlow(friction), Conjugate(EXACT), t1, 1e-4)
    assert rough.finished and kept < 1e-12
    plain, _ = drift(MomentumFlow(friction), EXACT, t1, 1e-4)
    assert plain > 1e3 * kept


def test_it_solves_the_same_flow():
    flow = MomentumFlow(1.0)
    _, fine = drift(flow, Conjugate(EXACT), 4.0, 1e-9)
    other = gf.solve(flow, PROBLEM, t1=4.0, rtol=1e-11, solver="dopri8")
    for a, b in zip(jtu.tree_leaves(fine.state), jtu.tree_leaves(other.state)):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


def test_its_own_drift_is_no_evidence():
    flow = MomentumFlow(1.0)
    (law,) = gf.laws.rotation(PROBLEM, flow)
    _, solution = drift(flow, Conjugate(EXACT), 1.0, 1e-6)
    report = gf.check(solution, law)[law.name]
    assert str(report.verdict) == "conserved"
    assert "the run's drift is no evidence" in report.note
    assert report.ladder.evidence and "conjugate" not in report.ladder.solver


def test_dense_output_is_in_velocities():
    flow = MomentumFlow(gf.nesterov)
    solver = Conjugate(GaussLegendre(4), flow.friction)
    path = diffrax.diffeqsolve(
        diffrax.ODETerm(flow.vector_field),
        solver,
        0.0,
        2.0,
        0.05,
        flow.initial_state(PROBLEM),
        PROBLEM,
        saveat=diffrax.SaveAt(dense=True),
        stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-8),
    )
    t = 1.234
    state, slope = path.evaluate(t), path.derivative(t)
    for a, b in zip(jtu.tree_leaves(state.velocity), jtu.tree_leaves(slope.model)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@wrong_arguments
def test_bad_input():
    state = MomentumFlow()
    solve = lambda flow, solver: gf.solve(flow, PROBLEM, t1=1.0, solver=solver)
    with pytest.raises(gf.SolveError, match="Conjugate is for MomentumFlow"):
        solve(gf.GradientFlow(), Conjugate())
    with pytest.raises(gf.SolveError, match="integrating factor"):
        solve(MomentumFlow(Friction(lambda t: 1 / (1 + t))), Conjugate())
    with pytest.raises(gf.SolveError, match="on a solver itself"):
        Conjugate(Projected(Auto(), [gf.Law(lambda m: m)]))
    with pytest.raises(gf.SolveError, match="wanted a Diffrax solver"):
        Conjugate("dopri8")
    with pytest.raises(gf.SolveError, match="needs a friction"):
        diffrax.diffeqsolve(
            diffrax.ODETerm(state.vector_field),
            Conjugate(),
            0.0,
            1.0,
            0.1,
            state.initial_state(PROBLEM),
            PROBLEM,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6),
        )
