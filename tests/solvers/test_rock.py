"""ROCK2: order, cost of stiffness, count."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from gfflow.solvers import ROCK2


def field(t, y, args):
    return -y - y**3


def exact(y0, t):
    """Bernoulli's equation."""
    decay = np.exp(-t)
    return y0 * decay / np.sqrt(1 + y0**2 * (1 - decay**2))


def test_order_by_regression():
    solver, order = ROCK2(), 2
    y0 = jnp.array([1.0, 0.3])

    @jax.jit
    def error(dt):
        end = diffrax.diffeqsolve(
            diffrax.ODETerm(field), solver, 0.0, 2.0, dt, y0, max_steps=4096
        ).ys
        return jnp.linalg.norm(end[0] - exact(np.asarray(y0), 2.0))

    counts = np.array([8, 16, 32, 64])
    errors = [float(error(2.0 / n)) for n in counts]
    slope = -np.polyfit(np.log(counts), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.3


def test_stiffness_costs_its_square_root():
    """A hundredfold curvature costs about ten times as much, and stays stable."""
    solver, costs = ROCK2(), []
    for top in (1e3, 1e5):
        rates = jnp.logspace(0.0, float(np.log10(top)), 20)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, args: -rates * (y - jnp.cos(t))),
            solver,
            0.0,
            5.0,
            1e-3,
            jnp.ones(20),
            saveat=diffrax.SaveAt(t1=True, solver_state=True),
            stepsize_controller=diffrax.PIDController(rtol=1e-4, atol=1e-4),
            max_steps=10_000,
        )
        reach = np.asarray(rates) ** 2 / (1 + np.asarray(rates) ** 2)
        smooth = reach * np.cos(5.0) + np.sin(5.0) * np.asarray(rates) / (
            1 + np.asarray(rates) ** 2
        )
        start = 1 - reach
        exact_end = smooth + start * np.exp(-np.asarray(rates) * 5.0)
        np.testing.assert_allclose(solution.ys[-1], exact_end, atol=5e-3)
        costs.append(float(solution.solver_state.spent.gradients))
    assert 3 < costs[1] / costs[0] < 20
    assert costs[1] < 0.05 * 5.0 * 1e5


def test_every_evaluation_is_counted():
    calls = []

    def told(t, y, args):
        jax.debug.callback(lambda: calls.append(1))
        return field(t, y, args)

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(told),
        ROCK2(),
        0.0,
        1.0,
        0.25,
        jnp.ones(3),
        saveat=diffrax.SaveAt(t1=True, solver_state=True),
    )
    jax.effects_barrier()
    spent = solution.solver_state.spent
    assert len(calls) == int(spent.gradients) + int(spent.hvps)
