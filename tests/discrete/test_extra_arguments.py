"""Optax transformations take different extra arguments: each is given its own."""

import numpy as np
import optax
import pytest
from optax import contrib

import gfflow as gf

from ..analytic import product_problem
from .optimiser_cases import product_gradient

START, ETA, RHO = (1.3, 0.4), 0.05, 0.1
OUTER = optax.sgd(ETA)
AWAY = optax.chain(contrib.normalize(), optax.sgd(RHO))


def path(optimiser, steps):
    flow = gf.DiscreteFlow(optimiser, ETA)
    run = flow.run(product_problem(*START), save=range(1, steps + 1))
    assert run.status_name == "successful"
    return np.stack([run.states.u, run.states.v], axis=1)


def sharpness_aware(steps):
    """θ⁺ = θ − η g(θ + ρ g(θ)/|g(θ)|) (Foret et al. 2021)."""
    theta = [np.asarray(START)]
    gradient = lambda at: np.asarray(product_gradient(at))
    for _ in range(steps):
        g = gradient(theta[-1])
        there = theta[-1] + RHO * g / np.linalg.norm(g)
        theta.append(theta[-1] - ETA * gradient(there))
    return np.array(theta)


def test_sharpness_aware_minimisation():
    """With its inner step hidden, in a chain, and with it seen as a step."""
    wanted = sharpness_aware(5)
    hidden = contrib.sam(OUTER, AWAY, opaque_mode=True)
    np.testing.assert_allclose(path(hidden, 5), wanted, rtol=1e-12)
    chain = optax.chain(optax.identity(), hidden)
    np.testing.assert_allclose(path(chain, 5), wanted, rtol=1e-12)
    seen = path(contrib.sam(OUTER, AWAY), 10)
    np.testing.assert_allclose(seen[::2], wanted, rtol=1e-12)


BAD = {
    "wants more": (
        optax.GradientTransformationExtraArgs(
            lambda p: (), lambda u, s, p=None, *, hessian: (u, s)
        ),
        "cannot make a step with .*value_fn, grad_fn: .*'hessian'",
    ),
    "takes too little": (
        optax.GradientTransformation(lambda p: (), lambda u: u),
        "cannot make a step",
    ),
    "refuse each other": (
        optax.chain(
            contrib.sam(OUTER, AWAY, opaque_mode=True),
            optax.scale_by_backtracking_linesearch(3),
        ),
        "cannot make a step",
    ),
    "no transformation": (lambda eta: 3, "it made int"),
    "no factory": (lambda eta, more: OUTER, "makes no optimiser of a learning rate"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_work_is_one_error(name):
    optimiser, words = BAD[name]
    with pytest.raises(gf.SolveError, match=words):
        path(optimiser, 1)


def test_the_gradient_as_a_function_sees_the_time_scale():
    problem = product_problem(*START)
    twice = gf.Problem(
        problem.model, problem.loss, (problem.inputs, problem.targets), time_scale=2.0
    )
    hidden = contrib.sam(OUTER, optax.sgd(0.0), opaque_mode=True)
    run = gf.DiscreteFlow(hidden, ETA).run(twice, save=[1])
    moved = np.asarray(START) - 2 * ETA * np.asarray(product_gradient(START))
    found = [run.parameters.u, run.parameters.v]
    np.testing.assert_allclose(found, moved, rtol=1e-14)
