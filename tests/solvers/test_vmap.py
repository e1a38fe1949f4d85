"""Many seeds in one `vmap` end, on a CPU of few cores too."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..variants import variants

SOLVERS = [
    ("radau_iia", "gauss_legendre"),
    ("auto",),
    ("rock2",),
    ("conjugate",),
    ("projected",),
]


@pytest.mark.parametrize("names", variants(SOLVERS, slow=SOLVERS[1:]), ids=str)
def test_many_seeds_at_once(names):
    """Two of them lock each other on two cores where matrices go in batches."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.solvers.many_seeds", *names],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    ranges = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    assert len(ranges) == len(names)
    assert all(0.05 < least <= most < 1 for least, most in ranges)
