"""What is asked for beyond the flow: functions of a solution, and the same in solve."""

import equinox as eqx
import jax.numpy as jnp
import pytest

import gfflow as gf

from ..analytic import product_problem
from ..annotations import wrong_arguments

FLOW = gf.GradientFlow(weight_decay=0.1)


def solved(**options):
    options = {"t1": 1.0, "rtol": 1e-6, "solver": "tsit5"} | options
    return gf.solve(FLOW, product_problem(), **options)


def test_the_critical_point_of_a_solution():
    """With the weight decay of its flow, unless another is given."""
    end = solved(finish="critical-point")
    again = gf.critical_point(end)
    by_hand = gf.critical_point(end.problem, end.parameters, weight_decay=0.1)
    assert bool(end.critical_point.converged)
    for found in (again, by_hand):
        assert eqx.tree_equal(found.parameters, end.critical_point.parameters)
    bare = gf.critical_point(end, weight_decay=0.0)
    assert bare.loss < 1e-20 < again.loss


@wrong_arguments
def test_what_has_no_critical_point():
    flow = gf.flows.WeightDecay(gf.GradientFlow(), lambda t: 1 / (1 + t))
    with pytest.raises(gf.SolveError, match="depends on time") as raised:
        gf.solve(flow, product_problem(), t1=1.0, finish="critical-point")
    assert raised.value.argument == "finish"
    with pytest.raises(gf.SolveError, match="'critical-point' or None"):
        solved(finish="newton")


@wrong_arguments
def test_a_solution_without_its_problem_is_told_so():
    inside = eqx.filter_jit(lambda t1: solved(t1=t1))(jnp.asarray(1.0))
    with pytest.raises(gf.SolveError, match="certify=True"):
        gf.certify(inside)
    with pytest.raises(gf.SolveError, match="solution.parameters"):
        gf.critical_point(inside)
    with pytest.raises(gf.SolveError, match="gfflow.Solution; got dict"):
        gf.certify({})
