"""Architectures of the study of that name: what is read off beside what is found."""

from functools import lru_cache

import pytest

from ..scripts import EXPERIMENTS, script
from ..variants import variants


@pytest.fixture(scope="module")
def comparison():
    """Its modules know each other by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXPERIMENTS / "random_architectures"))
        return script("random_architectures/comparison.py")


@pytest.fixture(scope="module")
def row(comparison):
    return lru_cache(comparison.compared)


@pytest.mark.parametrize("seed", variants((1, 23, 27), slow=(23,)))
def test_nothing_contradicts(seed, row, comparison):
    assert row(seed).verdict == comparison.AGREE, row(seed)
    assert row(seed).rate < 1e-12


def test_what_contradicts(row, comparison):
    """More laws than there may be, fewer without a note, a false one."""
    row = row(1)
    said = lambda **other: comparison.contradiction(row._replace(**other), True)
    assert said() == ""
    assert "at most" in said(named=row.high + 1)
    assert "no note" in said(low=row.named + 1, high=row.named + 1)
    assert "note of room for" in said(low=row.named + 2, room=row.named + 1)
    assert said(low=row.named + 1, room=row.named + 1) == ""
    assert "false" in said(rate=1e-6)
    assert "why" in said(complete=False, notes=())
