"""Counted gradients are the gradients that were taken; pauses change no bit."""

import jax
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow._registry import names
from gfflow.integrate import prepare

from ..analytic import Product, smooth_problem
from ..variants import variants

FLOW = gf.GradientFlow()
EXPLICIT = ["heun", "midpoint", "ralston", "bosh3", "tsit5", "dopri5", "dopri8"]
EXPLICIT += ["reversibleheun"]


CALLS: list[int] = []
TIMES = gf.linear_times(0.2, 1.0, 5)


def counted_loss(prediction, target):
    """It tells the host each time that it is evaluated."""
    jax.debug.callback(lambda: CALLS.append(1))
    return 0.5 * (prediction - target) ** 2


COUNTING = gf.Problem(Product(1.3, 0.4), counted_loss, (np.ones(1), np.full(1, 2.0)))
OPTIONS = [{"dt0": 0.3}, {"stop_gradient_norm": 1e-30}, {"stop_loss": 0.1}]


@pytest.mark.parametrize(
    "name, options",
    [(name, {}) for name in EXPLICIT]
    + [("tsit5", options) for options in OPTIONS]
    + [("reversibleheun", options) for options in OPTIONS],
)
def test_counted_gradients(name, options):
    jax.effects_barrier()
    CALLS.clear()
    solution = gf.solve(
        FLOW,
        COUNTING,
        saveat=TIMES,
        rtol=1e-2 if name == "reversibleheun" else 1e-5,
        solver=name,
        **options,
    )
    jax.effects_barrier()
    assert solution.cost.gradients == len(CALLS)
    assert solution.cost.sequential_gradients == len(CALLS)
    assert solution.cost.gradient_equivalents == len(CALLS)


def test_the_cost_of_implicit_solvers_is_not_invented():
    for name in set(names("solvers")) - set(EXPLICIT):
        properties = gf.solvers.adapted(gf.solvers.solver_by_name(name)).properties
        assert properties.gradients_a_step is None


SMOOTH, SAVED = smooth_problem(), gf.linear_times(0.2, 1.0, 4)


def test_seconds():
    options = dict(saveat=0.1 * SAVED, rtol=1e-6, solver="tsit5")
    cost = gf.solve(FLOW, SMOOTH, **options).cost
    assert 0 <= cost.compile_s <= cost.wall_s
    assert cost.hvps == 0


@pytest.mark.parametrize(
    "name",
    variants(["tsit5", "dopri8", "kvaerno3", "reversibleheun"], slow=("dopri8",)),
)
def test_pauses_change_no_bit(name):
    """Bursts of one step against one go, to the last bit of state and control."""
    rtol = 1e-5 if name == "reversibleheun" else 1e-7
    options = dict(saveat=SAVED, rtol=rtol, solver=name)
    solution = gf.solve(FLOW, SMOOTH, **options)
    integration = prepare(FLOW, SMOOTH, **options)
    core, settings = integration.core, integration.settings
    carry, _ = integration.start()
    for t_end in integration.grid[1:]:
        paused = True
        while paused:
            count = carry.controller.accepted + carry.controller.rejected
            carry, paused = core.advance(carry, t_end, count + 1, settings)
    assert carry.t == solution.ts[-1]
    assert carry.controller.accepted == solution.accepted_steps > 4
    for mine, theirs in zip(*map(jtu.tree_leaves, (carry.state, solution.state))):
        assert np.array_equal(mine, theirs)
