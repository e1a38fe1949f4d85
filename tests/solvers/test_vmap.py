"""Many seeds in one `vmap` end, on a CPU of few cores too."""

import subprocess
import sys
from pathlib import Path

import pytest

from ..variants import variants

SOLVERS = [
    "radau_iia",
    "gauss_legendre",
    "auto",
    "rock2",
    "conjugate",
    "projected",
]


@pytest.mark.parametrize("name", variants(SOLVERS, slow=SOLVERS[2:]))
def test_many_seeds_at_once(name):
    """Two of them lock each other on two cores where matrices go in batches."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.solvers.many_seeds", name],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    least, most = map(float, done.stdout.split())
    assert 0.05 < least <= most < 1
