"""The number so many units in the last place before another is that of Equinox."""

import diffrax
import equinox as eqx
import equinox.internal as eqxi
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gfflow.flows import GradientFlow
from gfflow.integrate import prepare
from gfflow.integrate._last_places import counted_at_once, places_before

from ..analytic import product_problem

NUMBERS = [1.0, 3.7e5, 1 + 2**-50, 2.0, 1e-12, 1e300, 0.0, -1e-3, -2.0, -1e10]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_it_is_as_many_calls(dtype):
    x = jnp.asarray(NUMBERS, np.float64).astype(dtype)
    wanted = x
    for count in range(1, 101):
        wanted = eqxi.prevbefore(wanted)
        np.testing.assert_array_equal(places_before(x, count), wanted)


def test_near_the_least_number():
    tiny = np.finfo(float).tiny
    assert 0 <= places_before(jnp.asarray(tiny), 100) < tiny
    slope = jax.grad(lambda x: places_before(x, 100) ** 2)(jnp.asarray(1.5))
    np.testing.assert_allclose(slope, 3.0)


def solved(t1):
    return diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, args: -y),
        diffrax.Tsit5(),
        0.0,
        t1,
        None,
        jnp.ones(2),
        stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6),
    ).ys


@pytest.fixture
def as_it_is(monkeypatch):
    """Diffrax as it is installed, in a process that has it quicker."""
    monkeypatch.setattr(diffrax._integrate, "eqxi", eqxi)


def program():
    """Of a solve: a function of its own, so that none is remembered."""
    return jax.jit(lambda t1: solved(t1)).lower(jnp.asarray(1.0))


def test_the_same_solve_in_fewer_operations(as_it_is):
    plain = program()
    with counted_at_once():
        quick = program()
    assert diffrax._integrate.eqxi is eqxi
    assert plain.as_text().count("next_after") >= 100
    assert quick.as_text().count("next_after") == 0
    ends = [np.asarray(one.compile()(jnp.asarray(1.0))) for one in (quick, plain)]
    np.testing.assert_array_equal(*ends)


def test_solves_of_gfflow_have_it(as_it_is):
    integration = prepare(GradientFlow(), product_problem(), t1=1.0, solver="bosh3")
    carry, _ = integration.start()
    where = carry, integration.grid[-1], jnp.asarray(9), integration.settings
    text = eqx.filter_jit(integration.core.advance).lower(*where).as_text()
    assert text.count("next_after") == 0
