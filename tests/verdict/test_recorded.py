"""Rates that are recorded at every step, where the kept states show nothing."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.verdict._rate import LIMIT, Rate
from gfflow.verdict._recorded import suspect_times

FLOW = gf.GradientFlow()
LAW = gf.Law(lambda m: m.u**2 - m.v**2, "u² − v²", degree="quadratic")
BROKEN = gf.Verdict.BROKEN
SHORT = [(1e-2, 0.3), (3e-3, 1e-2), (1e-3, 1e-2)]


class Bump(eqx.Module):
    """u·(relu(z) + A W exp(−((z − 1)/W)²)) of z = vx₀, W = x₁, A = x₂: homogeneous but
    near z = 1."""

    u: jax.Array
    v: jax.Array

    def __call__(self, x):
        z, width, height = self.v * x[0], x[1], x[2]
        bump = jnp.exp(-(((z - 1) / width) ** 2))
        return self.u * (jax.nn.relu(z) + height * width * bump)[None]


def solved(width, height):
    model = Bump(jnp.array(0.6), jnp.array(0.7))
    data = np.array([[1.0, width, height]]), np.full((1, 1), 3.0)
    return gf.solve(
        FLOW,
        gf.Problem(model, "mse", data),
        t1=2.0,
        rtol=1e-10,
        solver="dopri5",
        laws=[LAW],
        law_rates=True,
    )


def without_rates(solution):
    none = lambda x: x is None
    return eqx.tree_at(lambda s: s.law_rates, solution, None, is_leaf=none)


@pytest.mark.parametrize("width, height", SHORT)
def test_a_law_that_breaks_between_the_kept_states(width, height):
    solution = solved(width, height)
    found = gf.check(solution, LAW, ladder=False)[LAW.name]
    assert found.verdict == BROKEN and "rate" in found.note
    rate = solution.law_rates[LAW.name]
    assert abs(float(solution.parameters.v) - 1) > 0.1
    drift = solution.laws[LAW.name] - solution.laws[LAW.name][0]
    np.testing.assert_allclose(drift[-1], rate.change[-1], rtol=1e-4)


def test_the_kept_states_alone_do_not_show_it():
    solution = without_rates(solved(1e-3, 1e-2))
    assert gf.check(solution, LAW, ladder=False)[LAW.name].verdict != BROKEN


def test_a_law_that_holds_has_no_suspects():
    solution = solved(1e-3, 0.0)
    assert solution.law_rates[LAW.name].largest[-1] < 1e-14
    found = gf.check(solution, LAW, ladder=False)[LAW.name]
    assert found.verdict == gf.Verdict.CONSERVED_ON_THIS_DATA


def test_what_stands_out():
    """Against 64 ε of the terms, where none of the kept states shows a violation."""
    eps = 2.0**-52
    solution = solved(1e-3, 0.0)
    which = {LAW.name: slice(0, 1)}

    def rates(*values):
        value, one = np.array(values)[:, None], np.ones((len(values), 1))
        fields = value, one, 0 * one, one, one, one, 0 * one, one > 0
        return Rate(*fields, eps)

    def suspects(largest, *kept):
        last = len(solution.ts) - 1
        recorded = solution.law_rates[LAW.name]
        recorded = recorded._replace(
            largest=recorded.largest.at[last].set(largest),
            at=recorded.at.at[last].set(0.25),
        )
        changed = eqx.tree_at(lambda s: s.law_rates, solution, {LAW.name: recorded})
        return suspect_times(changed, which, rates(*kept))

    assert suspects(0.9 * LIMIT * eps, 0.0, 0.0) == []
    assert suspects(1.1 * LIMIT * eps, 0.0, 0.0) == [0.25]
    assert suspects(np.nan, 0.0, 0.0) == [0.25]
    assert suspects(1.0, 0.0, 2 * LIMIT * eps) == []
    assert suspect_times(without_rates(solution), which, rates(0.0)) == []
