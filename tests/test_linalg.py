"""Linear algebra that takes the matrices of a batch one after another on the CPU."""

import re

import jax
import jax.numpy as jnp
import jax.scipy.linalg as scipy
import numpy as np
import pytest

from gfflow import _linalg as safe

GENERAL = jax.random.normal(jax.random.key(0), (3, 3, 4, 4))
POSITIVE = GENERAL @ jnp.swapaxes(GENERAL, -1, -2) + jnp.eye(4)[None, None]
RIGHT = jax.random.normal(jax.random.key(1), (3, 3, 4, 2))
CASES = {
    "inverse": (jnp.linalg.inv, (GENERAL,)),
    "cholesky": (jnp.linalg.cholesky, (POSITIVE,)),
    "eigh": (lambda a: tuple(jnp.linalg.eigh(a)), (POSITIVE,)),
    "solve": (jnp.linalg.solve, (GENERAL, RIGHT)),
    "solve_lower": (
        lambda a, b: scipy.solve_triangular(a, b, lower=True),
        (GENERAL, RIGHT),
    ),
    "solve_positive": (
        lambda a, b: scipy.cho_solve(scipy.cho_factor(a), b),
        (POSITIVE, RIGHT),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_same_bits_one_by_one(name):
    plain, arguments = CASES[name]
    function = getattr(safe, name)
    nested = jax.vmap(jax.vmap(function))(*arguments)
    for i in ((0, 0), (2, 1)):
        alone = [x[i] for x in arguments]
        expected = plain(*alone)
        jax.tree.map(np.testing.assert_array_equal, function(*alone), expected)
        there = jax.tree.map(lambda x: x[i], nested)
        jax.tree.map(np.testing.assert_array_equal, there, expected)


@pytest.mark.parametrize("name", CASES)
def test_no_batch_reaches_a_kernel_of_the_cpu(name):
    """As it does elsewhere, in one call."""
    _, arguments = CASES[name]
    traced = jax.jit(jax.vmap(jax.vmap(getattr(safe, name)))).trace(*arguments)
    told = traced.lower(lowering_platforms=("cpu",)).as_text()
    calls = re.findall(r"custom_call @lapack.*", told)
    assert calls and not any("tensor<3x" in c for c in calls)
    assert "stablehlo.while" in told
    assert "stablehlo.while" not in traced.lower(lowering_platforms=("cuda",)).as_text()


def test_one_matrix_and_many_right_hand_sides():
    for name in ("solve", "solve_lower", "solve_positive"):
        plain, (matrices, rights) = CASES[name]
        made = jax.vmap(getattr(safe, name), (None, 0))(matrices[0, 0], rights[0])
        for one, right in zip(made, rights[0]):
            np.testing.assert_array_equal(one, plain(matrices[0, 0], right))


@pytest.mark.parametrize("name", ["solve", "solve_positive"])
@pytest.mark.parametrize("mode", [jax.jacfwd, jax.jacrev])
def test_solutions_can_be_differentiated(name, mode):
    plain, arguments = CASES[name]
    both = POSITIVE[0, 0], RIGHT[0, 0]
    symmetric = lambda f: lambda a, b: f((a + a.T) / 2, b)
    own = getattr(safe, name)
    for argument in (0, 1):
        derivative = jax.jit(
            lambda a, b: [mode(symmetric(f), argument)(a, b) for f in (own, plain)]
        )
        slopes = derivative(*both)
        np.testing.assert_allclose(*slopes, rtol=1e-10, atol=1e-12)
    rows = jax.jit(jax.vmap(mode(own, 1)))(POSITIVE[0], RIGHT[0])
    np.testing.assert_allclose(rows[0], slopes[0], rtol=1e-10, atol=1e-12)
