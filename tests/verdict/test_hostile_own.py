"""A hostile reviewer's laws: what is said of each is right, or known to be wrong."""

import functools

import pytest

import gfflow as gf

from . import hostile_models  # noqa: F401  (registers its groups)
from .hostile_cases import GROUPS

FAILS = (AssertionError, RuntimeWarning)


@functools.cache
def weighed(group):
    of = GROUPS[group]
    laws = [gf.Law(c.fn, name, **c.options) for name, c in of.claims.items()]
    return gf.check(of.solution(), laws, ladder=of.ladder)


def _cases():
    for group, of in GROUPS.items():
        for name, claim in of.claims.items():
            marks = [pytest.mark.slow] if of.slow else []
            if claim.fools:
                marks.append(
                    pytest.mark.xfail(strict=True, reason=claim.fools, raises=FAILS)
                )
            yield pytest.param(group, name, marks=marks, id=f"{group}: {name}")


@pytest.mark.parametrize("group, name", list(_cases()))
def test_what_is_said_of_a_law_is_right(group, name):
    claim, found = GROUPS[group].claims[name], weighed(group)[name]
    assert found.verdict in claim.right and claim.note in found.note, found
