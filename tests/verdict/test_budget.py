"""The error budget of numbers that are known."""

import numpy as np

from gfflow.verdict._budget import error_budget
from gfflow.verdict._ladder import fitted_ladder

EPS = np.finfo(float).eps
TS = np.array([0.0, 1.0, 3.0, 4.0])


def budget(rates, scale, ladder=None, steps=99, tolerance=1e-8, decay_rate=None):
    return error_budget(
        TS,
        np.asarray(rates, float),
        np.asarray(scale, float),
        ladder,
        steps=steps,
        tolerance=tolerance,
        decay_rate=decay_rate,
    )


def test_without_a_ladder():
    """√(99 + 1) steps of the tolerance, and of 4 ε."""
    found = budget(np.zeros((4, 2)), [1.0, 2.0])
    np.testing.assert_allclose(found["integrator"], 1e-7)
    np.testing.assert_allclose(found["round_off"], 40 * EPS)
    assert found["law"] == 0.0


def test_the_law_s_part_is_the_integral_of_its_rate():
    """|ḣ| = 2, t: ∫ = 8 over 4, and 8 over 100."""
    found = budget([[-2.0, t] for t in TS], [4.0, 100.0])
    np.testing.assert_allclose(found["law"], 2.0)


def test_stated_decay_is_undone():
    """ḣ = e^{−t/2} undone is 1."""
    found = budget(np.exp(-TS / 2)[:, None], [2.0], decay_rate=0.5)
    np.testing.assert_allclose(found["law"], 2.0)


def test_the_ladder_is_brought_to_the_tolerance_of_the_run():
    """A drift of 5·tolerance: its error at 1e-8, a hundred times that at 1e-6."""
    tolerances = [1e-4, 1e-6, 1e-8]
    ladder = fitted_ladder(
        [np.array([[0.0], [5 * tolerance]]) for tolerance in tolerances],
        tolerances=tolerances,
        steps=[100, 200, 400],
        rejected=0,
        solver="tsit5",
        solver_order=5,
        evidence=True,
    )
    at = lambda tolerance: budget(np.zeros((4, 1)), [1.0], ladder, tolerance=tolerance)
    np.testing.assert_allclose(at(1e-8)["integrator"], 5e-8)
    np.testing.assert_allclose(at(1e-6)["integrator"], 5e-6)
    np.testing.assert_allclose(at(1e-10)["integrator"], 5e-8)


def test_a_law_that_is_not_finite_or_has_no_components():
    """0 where it does not move, whatever the scale; no warning."""
    found = budget([[0.0, 1.0]] * 4, [0.0, np.nan])
    assert np.isnan(found["law"])
    assert budget([[0.0]] * 4, [0.0])["law"] == 0.0
    assert budget(np.zeros((4, 0)), [])["law"] == 0.0
