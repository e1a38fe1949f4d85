"""What check refuses, and problems of every kind that it weighs."""

import jax.numpy as jnp
import pytest

import gfflow as gf

from ..analytic import product_problem

FLOW = gf.GradientFlow()
BALANCE = gf.Law(lambda m: m.u**2 - m.v**2, "balance")
SUM = gf.Law(lambda m: m.u + m.v, "balance")


def solved(problem, laws=(), **options):
    options = {"t1": 1.0, "rtol": 1e-7, "solver": "tsit5"} | options
    return gf.solve(FLOW, problem, laws=laws, **options)


def test_two_laws_of_one_name():
    with pytest.raises(gf.CheckError, match="two laws are named 'balance'"):
        gf.check(solved(product_problem()), [BALANCE, SUM], ladder=False)


@pytest.mark.parametrize("other", [SUM, gf.Law(lambda m: jnp.ones(2), "balance")])
def test_another_law_was_recorded_under_the_name(other):
    solution = solved(product_problem(), [BALANCE])
    with pytest.raises(gf.CheckError, match="recorded another law named 'balance'"):
        gf.check(solution, other, ladder=False)
    assert gf.check(solution, BALANCE, ladder=False)["balance"].verdict == "conserved"
