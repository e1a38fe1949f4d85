"""The Hessian's top eigenvalues against the dense eigenproblem."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf

from ..analytic import smooth_problem


def dense(problem):
    flat, unravel = ravel_pytree(problem.parameters)
    matrix = jax.hessian(lambda p: problem.value(unravel(p)))(flat)
    return np.linalg.eigvalsh(matrix)[::-1]


def test_all_eigenvalues():
    problem = smooth_problem()
    exact = dense(problem)
    found = gf.hessian_eigenvalues(problem, 5)
    np.testing.assert_allclose(found.eigenvalues, exact[:5], atol=1e-12)
    assert np.all(found.residuals <= 1e-12)


def test_residuals_bound_the_error_of_few_iterations():
    problem = smooth_problem()
    exact = dense(problem)
    found = gf.hessian_eigenvalues(problem, 2, iterations=4, key=jax.random.key(3))
    for value, residual in zip(*found):
        assert np.min(np.abs(exact - value)) <= residual + 1e-14
    assert found.residuals[0] > 0


def test_a_degenerate_spectrum_exhausts_the_krylov_space():
    """½|w − y|² has the identity as its Hessian."""
    model = gf.models.DeepLinear([3, 3], key=jax.random.key(0))
    x = jnp.sqrt(3.0) * jnp.eye(3)
    problem = gf.Problem(model, "half_squared_error", (x, x))
    found = gf.hessian_eigenvalues(problem, 4)
    np.testing.assert_allclose(found.eigenvalues, np.ones(4), rtol=1e-12)


@pytest.mark.parametrize("options", [{"count": 0}, {"count": 99}, {"iterations": 99}])
def test_sizes_that_do_not_fit(options):
    with pytest.raises(gf.ProblemError, match="count <= iterations"):
        gf.hessian_eigenvalues(smooth_problem(), **options)
