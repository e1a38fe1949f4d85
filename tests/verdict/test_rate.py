"""What one `Rate` says, of numbers that are known."""

import numpy as np
import pytest

from gfflow.verdict._rate import Rate, falling, resolution

EPS = float(np.finfo(float).eps)
ONE = np.ones((1, 1))
TRUE = Rate(
    rate=EPS * ONE,
    strength=ONE,
    spread=EPS * ONE,
    value=ONE,
    scale=ONE,
    bound=2 * ONE,
    frozen=EPS * ONE,
    moves=np.ones((1, 1), bool),
    precision=EPS,
)
SMALL = {"strength": 1e-290, "rate": 1e-293, "bound": 1e-290, "spread": 0.0}


@pytest.mark.parametrize(
    "change, flags",
    [
        ({}, {"informative"}),
        ({"rate": 1e-3}, {"violated", "informative"}),
        ({"rate": 1e-12}, {"violated", "informative"}),
        ({"rate": 1e-14}, {"informative"}),
        ({"rate": 1e-12, "spread": 1e-12}, {"noise"}),
        ({"rate": 1e-12, "bound": 1e5}, {"noise"}),
        ({"rate": 1e-12, "bound": 1e14}, {"noise"}),
        ({"rate": 1e-12, "bound": 1e14, "spread": 1e-2}, {"still"}),
        ({"strength": 0.0, "rate": 0.0}, {"still"}),
        ({"strength": 0.0, "rate": 0.0, "moves": False}, set()),
        (SMALL, {"violated", "informative"}),
        ({"rate": 0.1, "spread": 0.3}, {"noise", "outside"}),
        ({"rate": 0.1, "spread": 0.3, "frozen": 0.3}, {"noise"}),
        ({"value": np.nan}, {"outside"}),
        ({"value": np.nan, "moves": False}, set()),
    ],
)
def test_what_it_says(change, flags):
    given = {key: value * ONE for key, value in change.items() if key != "moves"}
    moves = np.full((1, 1), change.get("moves", True))
    rate = TRUE._replace(moves=moves, **given)
    names = ("violated", "informative", "noise", "still", "outside")
    assert {name for name in names if getattr(rate, name)[0, 0]} == flags


def test_the_resolution_is_that_of_the_sharpest_state():
    blunt = TRUE._replace(spread=400 * EPS * ONE)
    still = TRUE._replace(bound=1e14 * ONE, spread=ONE)
    assert resolution([blunt, TRUE, still]) == 64 * EPS
    np.testing.assert_allclose(resolution([blunt, still]), 6400 * EPS)
    assert resolution([still]) == 0


@pytest.mark.parametrize(
    "relative, falls",
    [
        ((1e-4, 1e-6, 1e-8), True),
        ((1e-12, 1e-13, 1e-17), True),
        ((1e-9, 1e-12, 1e-14, 1e-14), True),
        ((1e-4, 1e-6, 1e-6), False),
        ((1e-6, 1e-6, 1e-8), False),
        ((1e-4, 1e-15, 1e-16), False),
        ((1e-4, 1e-6), False),
    ],
)
def test_a_rate_falls_where_it_does_from_each_tolerance_to_the_next(relative, falls):
    column = np.array(relative)[:, None]
    same = {
        name: np.repeat(getattr(TRUE, name), len(relative), axis=0)
        for name in TRUE._fields[1:-1]
    }
    rates = TRUE._replace(rate=column, **same)
    assert falling(rates).tolist() == [falls]
