"""Costs, orders and exact invariants of the solvers, read off their tableaus."""

import diffrax
import numpy as np
import pytest

import gfflow as gf
from gfflow._registry import names
from gfflow.solvers import Projected, adapted, solver_by_name
from gfflow.solvers.protocol._diffrax import _exact


@pytest.mark.parametrize(
    "name, order, gradients, at_start",
    [
        ("heun", 2, 2, 0),
        ("midpoint", 2, 2, 0),
        ("ralston", 2, 2, 0),
        ("bosh3", 3, 3, 1),
        ("tsit5", 5, 6, 1),
        ("dopri5", 5, 6, 1),
        ("reversibleheun", 2, 1, 1),
        ("kvaerno5", 5, None, 0),
        ("kencarp4", 4, None, 0),
    ],
)
def test_cost_and_order(name, order, gradients, at_start):
    properties = adapted(solver_by_name(name)).properties
    assert properties.name == name and properties.order == order
    assert properties.gradients_a_step == gradients
    assert properties.gradients_at_start == at_start


@pytest.mark.parametrize("name", names("solvers"))
def test_only_gauss_legendre_keeps_quadratic_laws(name):
    degrees = adapted(solver_by_name(name)).properties.exact_degrees
    made_of_it = name in ("gauss_legendre", "conjugate")
    assert ("quadratic" in degrees) == made_of_it
    assert ("other" in degrees) == (name == "conjugate")
    assert "linear" in degrees


def test_two_implicit_midpoint_steps_keep_quadratic_laws():
    tableau = diffrax.ButcherTableau(
        c=np.array([0.75]),
        a_lower=(np.array([0.5]),),
        a_diagonal=np.array([0.25, 0.25]),
        a_predictor=(np.array([1.0]),),
        b_sol=np.array([0.5, 0.5]),
        b_error=np.array([0.5, -0.5]),
        c1=0.25,
    )
    assert _exact(tableau) == {"linear", "quadratic"}


@pytest.mark.parametrize("solver", [diffrax.Euler(), diffrax.SemiImplicitEuler()])
def test_solvers_that_do_not_serve(solver):
    with pytest.raises(gf.SolveError):
        adapted(solver).properties


def test_a_wrong_name():
    with pytest.raises(gf.SolveError, match="did you mean 'kvaerno5'"):
        solver_by_name("kvaern5")


@pytest.mark.parametrize("name", ["radau_iia", "rock2", "dopri8"])
def test_an_option_names_the_solvers_that_have_it(name):
    with pytest.raises(gf.SolveError, match="or use gauss_legendre$"):
        solver_by_name(name, exact_invariants=True)
    with pytest.raises(gf.SolveError, match="leave it out"):
        solver_by_name(name, no_such_option=1)
    known = solver_by_name("gauss_legendre", exact_invariants=True, stages=3)
    assert known.exact_invariants and known.stages == 3


@pytest.mark.parametrize(
    ("solver", "name", "order"),
    [
        (gf.solvers.Auto(5), "auto", 13),
        (gf.solvers.RadauIIA(8), "radau_iia(6)", 11),
        (Projected(gf.solvers.GaussLegendre(3), [abs]), "gauss_legendre(5)", 10),
        (diffrax.Tsit5(), "auto", 9),
        (gf.solvers.ROCK2(), "auto", 9),
    ],
)
def test_a_certificate_takes_another_order(solver, name, order):
    other = adapted(adapted(solver).finer()).properties
    assert (other.name, other.order) == (name, order)


def test_a_wrapper_of_diffrax_does_not_tell():
    """Neither the stages of the solver inside nor its costs are its own."""
    properties = adapted(diffrax.HalfSolver(diffrax.Tsit5())).properties
    assert not properties.tells and properties.gradients_a_step is None
