"""A kink of a law is no jump of it, and a wrong derivative is wrong throughout."""

import numpy as np
import pytest

from gfflow.verdict._jumps import persisting

PLACE = 0.3141592653589793


@pytest.mark.parametrize(
    "seen, persists",
    [
        (lambda u, v: u < PLACE <= v, True),
        (lambda u, v: 0 < PLACE - u < 0.35 * (v - u), False),
        (lambda u, v: True, True),
        (lambda u, v: (u, v) == (0.0, 1.0), False),
    ],
    ids=["jump", "kink", "wrong everywhere", "chance"],
)
def test_what_differs_on_smaller_and_smaller_pieces(seen, persists):
    assert seen(0.0, 1.0)
    differs = lambda begins, ends: np.array([seen(u, v) for u, v in zip(begins, ends)])
    assert persisting(1, differs).tolist() == [persists]
