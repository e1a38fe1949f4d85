"""The parts of a step that ends at kinks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gfflow.solvers.kinks._changes import Changes
from gfflow.solvers.kinks._root import last_outside
from gfflow.solvers.kinks._rows import POINTS, Rows, earliest


@pytest.mark.parametrize("power, most", [(1, 35), (3, 35), (9, 60)])
def test_a_change_of_sign_is_located_to_round_off(power, most):
    calls = 0

    def function(x):
        return 0.3**power - x**power

    def counted(x):
        nonlocal calls
        jax.debug.callback(count)
        return function(x)

    def count():
        nonlocal calls
        calls += 1

    end = last_outside(counted, jnp.asarray(0.0), jnp.asarray(1.0))
    jax.effects_barrier()
    assert float(function(end)) < 0
    assert abs(float(end) - 0.3) < 1e-15
    assert calls < most  # halving takes 52


def test_what_is_outside_from_the_start_is_located_there():
    end = last_outside(lambda x: -1 - x, jnp.asarray(0.25), jnp.asarray(0.5))
    assert float(end) - 0.25 < 1e-15


def rows_of(function, zero=1e-13):
    """Rows of the margins t ↦ function(t), one column a function."""
    grid = np.arange(POINTS + 1) / POINTS
    table = jnp.asarray(np.stack([function(t) for t in grid]))
    side = jnp.where(table[0] > 0, 1.0, -1.0)
    return Rows.of(table[0], table[1:], jnp.zeros(side.shape)), side


def test_kinks_are_guessed_by_straight_lines_and_dips():
    rows, side = rows_of(
        lambda t: np.array([0.3 - t, t - 0.6, 1 + t, (t - 0.4) ** 2 - 1e-4, -1.0])
    )
    guess, low, high = rows.guess(side, jnp.zeros(5))
    expected = [0.3, 0.6, np.inf, 0.4, np.inf]
    np.testing.assert_allclose(guess, expected, atol=1e-12)
    np.testing.assert_allclose(low[:2], [0.25, 0.5])
    np.testing.assert_allclose(high[:2], [0.5, 0.75])
    np.testing.assert_allclose(high[3], 0.4)  # the vertex, where it is outside
    which, known = earliest(guess, 2)
    assert which.tolist() == [0, 3] and float(known) == pytest.approx(0.4)


def test_after_a_change_the_way_back_is_guessed():
    rows, side = rows_of(lambda t: np.array([(t - 0.2) * (t - 0.7)]))
    guess, _, high = rows.guess(side, jnp.zeros(1))
    assert float(high[0]) == 0.25 and float(guess[0]) < 0.25
    guess, low, high = rows.guess(-side, jnp.full(1, 0.2))
    assert 0.5 < float(guess[0]) < 0.75 and (float(low[0]), float(high[0])) == (
        0.5,
        0.75,
    )


def test_a_kink_may_go_back_from_the_wrong_side():
    rows, _ = rows_of(lambda t: np.array([-1e-3 + 1e-5 * t, -1e-3 - 1e-2 * t]))
    side, slack = jnp.ones(2), jnp.full(2, 2e-3)
    rows = Rows.of(rows.margins[0], rows.margins[1:-1], slack)
    guess, _, _ = rows.guess(side, jnp.zeros(2))
    assert not np.isfinite(guess[0]) and np.isfinite(guess[1])


def test_changes_add_up():
    random = np.random.default_rng(0)
    times, jumps = [0.1, 0.4, 0.3], random.standard_normal((3, 5))
    changes = Changes.none(4, 5, jnp.float64)
    for i, (t, jump) in enumerate(zip(times, jumps)):
        changes = changes.plus(jnp.asarray(t), jnp.asarray(i), jnp.asarray(jump))
    for c in (0.2, 0.35, 0.9):
        ramp = sum(max(c - t, 0) * jump for t, jump in zip(times, jumps))
        np.testing.assert_allclose(changes.ramp(jnp.asarray(c)), ramp, atol=1e-15)
        cubic = sum(max(c - t, 0) ** 3 * jump for t, jump in zip(times, jumps))
        np.testing.assert_allclose(changes.cubic(jnp.asarray(c)), cubic, atol=1e-15)
    early = changes.until(jnp.asarray(0.35))
    ramp = 0.8 * jumps[0] + 0.6 * jumps[2]
    np.testing.assert_allclose(early.ramp(jnp.asarray(0.9)), ramp, atol=1e-15)
    assert early.entry.tolist() == [0, -1, 2, -1]
