"""The laws of the zoo and of the architectures of the literature, each written as a
dictionary and a function: as many as theory says."""

import numpy as np
import pytest

import gfflow as gf

from .counting import conserved, count
from .theory_written import AT_REST, MOVING
from .zoo_written import ZOO, Variant, problem_of

QUICK = {
    "residual net, BatchNorm",
    "language model, tied",
    "DeepONet",
}
NOT_READ = {"difference of cubes": "1/u + 1/v is no polynomial"}


def of(variants: dict[str, Variant], not_read: dict[str, str]):
    """Names, all but the quick ones slow, and those that are not read expected to
    fail."""

    def marked(name):
        marks = [] if name in QUICK else [pytest.mark.slow]
        if name in not_read:
            marks.append(pytest.mark.xfail(strict=True, reason=not_read[name]))
        return pytest.param(name, marks=marks)

    return [marked(name) for name in variants]


@pytest.mark.parametrize("name", of(ZOO | AT_REST, NOT_READ))
def test_the_laws_are_those_of_theory(name):
    one = (ZOO | AT_REST)[name]
    problem = problem_of(one)
    laws = gf.known_laws(problem, one.flow)
    sums = [law for law in laws if law.degree == "linear"]
    found = count(laws, problem, one.flow)
    assert found.off < 1e-12
    assert found.independent == one.laws
    assert count(sums, problem, one.flow).independent == one.sums
    assert not any(law.decay_rate for law in laws)


@pytest.mark.parametrize("name", of(MOVING, {}))
def test_the_laws_under_momentum_are_those_of_theory(name):
    one = MOVING[name]
    problem = problem_of(one)
    found = count(conserved(gf.known_laws(problem, one.flow)), problem, one.flow)
    assert found.off < 1e-12 and found.independent == one.laws


def test_the_count_sees_a_law_that_is_none():
    one = ZOO["deep diagonal net"]
    problem = problem_of(one)
    right = gf.symbolic("sum(a**2) - sum(b**2)")
    wrong = gf.symbolic("sum(a**2) - 2*sum(b**2)")
    found = count([right, wrong, right], problem, one.flow)
    assert found.components == 3 and found.independent == 2 and found.off > 1e-3
    assert np.isclose(count([right], problem, one.flow).off, 0, atol=1e-12)
