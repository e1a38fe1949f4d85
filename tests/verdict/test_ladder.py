"""The ladder's fit on drifts that are known: d = d₀ + C·tolerance^{p/k}."""

import numpy as np
import pytest

from gfflow.verdict._ladder import fitted_ladder, undecided

TOLERANCES = np.array([1e-4, 1e-6, 1e-8])
STEPS = [100, 250, 630]


def fitted(
    drifts, tolerances=TOLERANCES, steps=STEPS, rejected=0, order=5, evidence=True
):
    return fitted_ladder(
        drifts,
        tolerances=list(tolerances),
        steps=steps,
        rejected=rejected,
        solver="tsit5",
        solver_order=order,
        evidence=evidence,
    )


def ladder(drifts, *arguments, **options):
    """The drift of one component grows from 0 over three times."""
    growing = [np.array([[0.0], [d / 2], [d]]) for d in drifts]
    return fitted(growing, *arguments, **options)


@pytest.mark.parametrize("order", [2.0, 4.0, 5.0, 8.0])
def test_order_and_limit_of_a_conserved_law(order):
    found = ladder(3.0 * TOLERANCES ** (order / 5))
    np.testing.assert_allclose(found.order, order, rtol=1e-12)
    assert found.limit < 1e-12 * found.drifts[0] and found.shrinks
    np.testing.assert_allclose(found.error, found.drifts[-1], rtol=1e-12)
    np.testing.assert_allclose(found.round_off, 4 * np.finfo(float).eps * 631**0.5)


def test_a_violation_is_the_limit():
    """d₀ = 0.01: the fitted order is next to 0, and the finest rung stands for d₀."""
    found = ladder(0.01 + 10 * TOLERANCES)
    assert 0 < found.order < 1 and not found.shrinks
    np.testing.assert_allclose(found.limit, 0.01, rtol=2e-5)
    np.testing.assert_allclose(found.error, 9.9e-6, rtol=1e-12)


def test_a_slight_violation_is_extrapolated_to():
    """d₀ = 10⁻³ of the finest drift, of either sign."""
    for sign in (1, -1):
        drift = 10 * TOLERANCES
        found = ladder(drift + sign * 1e-10, order=4)
        np.testing.assert_allclose(found.order, 4, rtol=1e-3)
        assert found.limit < 10 * 1e-10


def test_components_have_limits_of_their_own():
    kept, broken = 10 * TOLERANCES, np.full(3, 0.02)
    drifts = [np.array([[0.0, 0.0], [a, -b]]) for a, b in zip(kept, broken)]
    found = fitted(drifts)
    assert found.drifts == (0.02,) * 3 and found.limit == found.limits[1] == 0.02
    np.testing.assert_allclose(found.limits[0], 1e-7, rtol=1e-12)


@pytest.mark.parametrize(
    "drifts, options",
    [
        (np.full(3, 1e-16), {}),
        (10 * TOLERANCES, {"rejected": 190}),
        (10 * TOLERANCES, {"steps": [600, 620, 630]}),
        ([1e-3, 1e-15, 1e-16], {}),
    ],
    ids=["round-off", "kinks", "steps of stability", "one rung above round-off"],
)
def test_no_order(drifts, options):
    found = ladder(drifts, **options)
    assert found.order is None
    assert found.limit == found.drifts[-1]
    np.testing.assert_allclose(found.error, found.drifts[-2] - found.drifts[-1])


def test_two_rungs_suffice():
    found = ladder(10 * TOLERANCES[1:], TOLERANCES[1:], STEPS[1:])
    np.testing.assert_allclose(found.order, 5, rtol=1e-12)


def test_the_steps_decide_nothing_where_one_rung_is_not_finite():
    found = ladder([np.inf, 1e-5, 1e-7])
    np.testing.assert_allclose(found.order, 5, rtol=1e-12)
    assert ladder([np.inf, np.inf, np.inf]).order is None


def test_a_law_of_no_components():
    found = fitted([np.zeros((3, 0))] * 3)
    assert found.drifts == (0.0,) * 3 and found.limit == 0.0 and found.order is None


@pytest.mark.parametrize(
    "drifts, settled, open_",
    [
        ([2e-3, 2.1e-4, 2.1e-4], 2.1e-4, False),
        (-np.array([2e-3, 2.1e-4, 2.1e-4]), 2.1e-4, False),
        ([1e-4, 1e-6, 1e-8], 0.0, False),
        ([1e-4, 2e-7, 3e-6], 0.0, True),
        ([1e-4, 2e-6, 1e-6], 0.0, True),
        ([1e-12, 1e-12, 1e-12], 0.0, False),
        ([np.nan, np.nan, np.nan], 0.0, False),
    ],
)
def test_what_settles_and_what_is_open(drifts, settled, open_):
    """A drift that stays above round-off is settled; one that falls is a law's."""
    found = ladder(drifts)
    np.testing.assert_allclose(found.settled, [settled])
    assert undecided([np.array([[d]]) for d in drifts], STEPS) == [open_]
    assert found.undecided == [open_]
    none = ladder(drifts, evidence=False)
    assert none.settled == [0.0] and not none.undecided.any()


def test_rungs_of_the_same_steps_settle_nothing():
    drifts = [np.array([[d]]) for d in (2e-3, 2.1e-4, 2.1e-4)]
    assert fitted(drifts, steps=[3, 3, 3]).settled == [0.0]
    assert undecided(drifts, [3, 3, 3]) == [True]
