"""Rates in doubt are decided in double-double arithmetic."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.verdict import _doubts, _draws
from gfflow.verdict._draws import rates_at
from gfflow.verdict._points import Points

V = gf.Verdict
FLOW = gf.GradientFlow()


class Rounded(eqx.Module):
    """u v x, of which ∂/∂v has x as (c + x) − c: round-off of a part in 10¹², the same
    for all u and v."""

    u: jax.Array
    v: jax.Array
    c: jax.Array
    around: str = eqx.field(static=True, default="")

    def __call__(self, x):
        still = jax.lax.stop_gradient
        again = (self.c + x) - self.c
        if self.around == "a primitive without a rule":
            again = again + 0 * jax.lax.erf_inv(x / 8)
        if self.around == "single precision":
            again = again + 0 * x.astype("float32").astype(float)
        return self.u * still(self.v) * x + still(self.u) * self.v * again


TRUE = gf.Law(lambda m: m.u**2 - m.v**2, "true")
FALSE = gf.Law(lambda m: m.u**2 - m.v**2 + 1e-12 * m.u**2, "false")
LAWS = {"false": FALSE, "true": TRUE}


def problem(around="", seed=3):
    draw = np.random.default_rng(seed).uniform
    number = lambda low, high, *shape: jnp.asarray(draw(low, high, shape))
    model = Rounded(number(1, 2), number(1, 2), jnp.asarray(8000.0), around)
    x = number(0.5, 1.5, 4)
    trained = lambda m: (m.u, m.v)
    return gf.Problem(model, "mse", (x, 3 * x), trainable=trained)


def rates(problem):
    states = [FLOW.initial_state(problem)]
    places = Points.of(np.zeros(1), states)
    return rates_at(FLOW, problem, LAWS, places, np.zeros(2), 2.0**-52)


@pytest.fixture
def undecided(monkeypatch):
    """Rates as the draws leave them."""
    monkeypatch.setattr(_draws, "without_doubts", lambda *given: given[-1])


def test_round_off_that_every_draw_has_alike_is_no_violation():
    subject = problem()
    found = rates(subject)
    assert found.violated.tolist() == [[True, False]]
    assert abs(found.relative[0, 1]) < 1e-25
    start = FLOW.initial_state(subject)
    field = FLOW.vector_field(0.0, start, subject)
    exact = 2e-12 * float(start.u * field.u)
    np.testing.assert_allclose(found.rate[0, 0], exact, rtol=1e-9)


def test_without_pairs_it_passes_for_one(undecided):
    assert rates(problem()).violated.all()


@pytest.mark.parametrize("around", ["a primitive without a rule", "single precision"])
def test_what_pairs_cannot_do_stays_as_it_was(around):
    assert rates(problem(around)).violated.all()


def test_a_problem_that_is_too_large_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(_doubts, "_LARGEST", 7)
    assert rates(problem()).violated.all()
    monkeypatch.setattr(_doubts, "_LARGEST", 8)
    assert not rates(problem()).violated.all()


class Linear(eqx.Module):
    W: jax.Array

    def __call__(self, x):
        return self.W @ x


def test_what_the_numbers_of_a_problem_are_rounded_to_breaks_no_law():
    """W fits targets whose sum is 1 to round-off, and ḣ of the sum of its rows is that
    round-off times x; p − y is no more than that either."""
    draw = np.random.default_rng(0).standard_normal
    model, x = Linear(jnp.asarray(draw((3, 2)))), jnp.asarray(draw((5, 2)))
    y = jax.nn.softmax(x @ model.W.T) * (1 + 1e-16)
    y = y.at[:, 0].add(2e-17 * np.arange(1, 6))
    loss = lambda z, y: jax.nn.logsumexp(z) - jnp.sum(y * z)
    subject = gf.Problem(model, loss, (x, y))
    law = {"rows": gf.Law(lambda m: jnp.sum(m.W, 0), "rows")}
    places = Points.of(np.zeros(1), [FLOW.initial_state(subject)])
    found = rates_at(FLOW, subject, law, places, np.zeros(2), 2.0**-52)
    assert found.noise.all() and not found.violated.any()


def test_a_true_law_that_a_model_rounds_is_conserved():
    solution = gf.solve(FLOW, problem(), t1=0.1, rtol=1e-8, solver="tsit5")
    report = gf.check(solution, list(LAWS.values()), ladder=False)
    assert report["true"].verdict == V.CONSERVED
    assert report["false"].verdict == V.BROKEN
