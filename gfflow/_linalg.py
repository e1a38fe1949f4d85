"""Dense linear algebra that `vmap` cannot lock up on the CPU.

jaxlib's kernels cut a batch of matrices into tasks for the thread pool that they run on
themselves, and wait there for the tasks (`ParallelBatchMap`, jaxlib 0.10): as many such
calls at a time as there are threads wait for ever. A single matrix is done on the spot.
So on the CPU the matrices of a batch are taken one after another here, in every level
of nested `vmap`; elsewhere they go to one batched call.

Without `vmap` each function is that of JAX, to the last bit.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.scipy.linalg import cho_factor, cho_solve, solve_triangular
from jaxtyping import Array, Float


def _one_by_one(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of arrays whose batches are no batches to the CPU; its arguments are
    constants to differentiation."""
    operation = jax.custom_batching.custom_vmap(function)

    @operation.def_vmap
    def rule(size, batched, *arrays):
        del size

        def apart(*arrays):
            def one(rows):
                rows = iter(rows)
                pairs = zip(arrays, batched)
                return operation(*(next(rows) if own else x for x, own in pairs))

            return jax.lax.map(one, [x for x, own in zip(arrays, batched) if own])

        axes = [0 if own else None for own in batched]
        together = jax.vmap(function, in_axes=axes)
        out = jax.lax.platform_dependent(*arrays, cpu=apart, default=together)
        return out, jtu.tree_map(lambda _: True, out)

    return lambda *arrays: operation(*map(jax.lax.stop_gradient, arrays))


_inverse = _one_by_one(jnp.linalg.inv)
_cholesky = _one_by_one(jnp.linalg.cholesky)
_eigh = _one_by_one(lambda matrix: tuple(jnp.linalg.eigh(matrix)))
_solve = _one_by_one(jnp.linalg.solve)
_solve_lower = _one_by_one(lambda a, b: solve_triangular(a, b, lower=True))
_solve_positive = _one_by_one(lambda a, b: cho_solve(cho_factor(a), b))


def inverse(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """A⁻¹, a constant to differentiation."""
    return _inverse(matrix)


def cholesky(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """L, lower triangular, of A = L Lᵀ; a constant to differentiation. It is NaN where
    A is not positive definite."""
    return _cholesky(matrix)


def eigh(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """The eigenvalues of a symmetric matrix, increasing, and its eigenvectors as
    columns; constants to differentiation."""
    return _eigh(matrix)


def solve_lower(
    matrix: Float[Array, "n n"], right: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """L⁻¹ b of a lower triangular matrix, a constant to differentiation."""
    return _solve_lower(matrix, right)


def solve(
    matrix: Float[Array, "n n"], right: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """A⁻¹ b, differentiable in both."""
    return jax.lax.custom_linear_solve(
        lambda x: matrix @ x,
        right,
        solve=lambda _, b: _solve(matrix, b),
        transpose_solve=lambda _, b: _solve(matrix.T, b),
    )


def solve_positive(
    matrix: Float[Array, "n n"], right: Float[Array, "n ..."]
) -> Float[Array, "n ..."]:
    """A⁻¹ b of a symmetric positive definite matrix by Cholesky's factor,
    differentiable in both."""
    return jax.lax.custom_linear_solve(
        lambda x: matrix @ x,
        right,
        solve=lambda _, b: _solve_positive(matrix, b),
        symmetric=True,
    )
