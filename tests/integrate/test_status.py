"""Every way in which an integration ends, and what it leaves behind."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from ..analytic import product_problem, product_solution

FLOW = gf.GradientFlow()


class Scalar(eqx.Module):
    """x ↦ function(w)."""

    w: jnp.ndarray
    function: object = eqx.field(static=True)

    def __call__(self, x):
        return self.function(self.w)


def problem_of(function, start):
    """θ' = −function'(θ), the loss being the prediction itself."""
    model = Scalar(jnp.asarray(start, float), function)
    return gf.Problem(model, lambda z, y: z, (jnp.ones(1), jnp.ones(1)))


def test_stop_at_a_gradient_norm():
    end = gf.solve(
        FLOW, product_problem(), t1=100.0, stop_gradient_norm=1e-3, solver="dopri8"
    )
    assert end.status_name == "stopped_gradient_norm" and end.finished
    assert end.gradient_norms[-1] <= 1e-3 < end.gradient_norms[-2]
    assert end.ts[-1] < 100.0
    u, _ = product_solution(end.ts[-1])
    np.testing.assert_allclose(end.model.u, u, atol=1e-9)
    assert end.events[-1][0] == end.ts[-1]


def test_stop_at_a_loss():
    end = gf.solve(FLOW, product_problem(), t1=100.0, stop_loss=1e-2, solver="dopri8")
    assert end.status_name == "stopped_loss" and end.finished
    assert end.losses[-1] <= 1e-2 < end.losses[-2]


@pytest.mark.parametrize("wanted", ["stopped_gradient_norm", "stopped_loss"])
def test_the_first_of_two_stops_is_named(wanted):
    options = {"stop_gradient_norm": 1e-3, "stop_loss": 1e-30, "solver": "dopri8"}
    if wanted == "stopped_loss":
        options |= {"stop_gradient_norm": 1e-30, "stop_loss": 1e-3}
    end = gf.solve(FLOW, product_problem(), t1=100.0, **options)
    assert end.status_name == wanted


def test_most_steps():
    end = gf.solve(FLOW, product_problem(), t1=100.0, max_steps=7, rtol=1e-12)
    assert end.status_name == "max_steps_reached" and not end.finished
    assert end.accepted_steps + end.rejected_steps == 7
    assert 0 < end.ts[-1] < 100.0
    np.testing.assert_allclose(end.model.u, product_solution(end.ts[-1])[0], atol=1e-10)


def test_wall_time():
    end = gf.solve(FLOW, product_problem(), t1=1e9, max_wall_time=1e-6)
    assert end.status_name == "stopped_wall_time" and not end.finished
    assert len(end.ts) >= 1 and np.all(np.isfinite(end.losses))
    assert end.state_ts[-1] == end.ts[-1]


def test_first_step_that_overflows():
    """θ' = −sinh θ from 50: tanh(θ/2) = tanh(25) e^{−t}."""
    end = gf.solve(
        FLOW, problem_of(jnp.cosh, 50.0), saveat=jnp.ones(1), dt0=1.0, rtol=1e-10
    )
    assert end.status_name == "successful" and end.rejected_steps > 0
    np.testing.assert_allclose(end.model.w, 2 * np.arctanh(np.exp(-1.0)), atol=1e-8)


def test_field_that_turns_nan_keeps_what_was_computed():
    """θ' = 1 from 0, and NaN beyond θ = 1, that is t > 1."""
    function = lambda w: jnp.where(w > 1.0, jnp.nan, -1.0) * w
    end = gf.solve(
        FLOW, problem_of(function, 0.0), saveat=gf.linear_times(0.1, 2.0, 20)
    )
    assert end.status_name == "non_finite" and not end.finished
    assert len(end.ts) >= 10 and np.all(np.isfinite(end.losses[:-1]))
    np.testing.assert_allclose(end.ts[-1], 1.0, atol=0.1)
    np.testing.assert_allclose(end.model.w, end.ts[-1], atol=1e-12)
    assert np.isfinite(end.model.w)


class Power(eqx.Module):
    """p ↦ −|w|^{p+1}/(p + 1)."""

    w: jnp.ndarray

    def __call__(self, p):
        return -(jnp.abs(self.w) ** (p + 1)) / (p + 1)


def as_it_is(prediction, target):
    return prediction


def blow_up(power, start, **options):
    """θ' = θ^p, which ends at T = start^{1−p}/(p − 1), run to 2T."""
    data = jnp.full(1, float(power)), jnp.ones(1)
    problem = gf.Problem(Power(jnp.asarray(float(start))), as_it_is, data)
    last = start ** (1 - power) / (power - 1)
    return gf.solve(FLOW, problem, saveat=jnp.asarray([2 * last]), **options), last


def tells_the_blow_up(end, last):
    t, what = end.events[-1]
    growth = float(end.gradient_norms[-1] / end.gradient_norms[0])
    return (
        end.status_name == "dt_min_reached"
        and not end.finished
        and t == end.ts[-1] == pytest.approx(last, rel=1e-9)
        and end.rejected_steps < 200
        and "grows without bound" in what
        and f"from {end.gradient_norms[0]:.3g} to {end.gradient_norms[-1]:.3g}" in what
        and growth > 1e10
    )


@pytest.mark.parametrize("solver", ["tsit5", "dopri5", "dopri8"])
def test_a_blow_up_in_finite_time_ends_at_the_least_step(solver):
    """Not by rejecting one step of three units in the last place until max_steps."""
    for power in (2, 3, 5):
        end, last = blow_up(power, 1.0, solver=solver, max_steps=5000)
        assert tells_the_blow_up(end, last)


@pytest.mark.slow
@pytest.mark.parametrize("power, start", [(2, 4 / 3), (3, 1.0), (3, 23 / 12)])
def test_auto_ends_at_the_least_step(power, start):
    end, last = blow_up(power, start, max_steps=5000)
    assert tells_the_blow_up(end, last)


def test_nan_at_the_start():
    end = gf.solve(FLOW, problem_of(lambda w: jnp.log(-1.0 - w**2), 1.0), t1=1.0)
    assert end.status_name == "non_finite" and not end.finished
    assert len(end.ts) == 1 and end.model.w == 1.0


def test_critical_point():
    end = gf.solve(FLOW, product_problem(u=0.0, v=0.0), t1=1e3)
    assert end.status_name == "successful" and end.ts[-1] == 1e3
    assert end.model.u == 0.0 and np.all(end.losses == 2.0)
