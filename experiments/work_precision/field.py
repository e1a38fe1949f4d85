"""A problem seen as a function of one flat vector: gradient, products, Hessian."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from problems import Case

import gfflow as gf


@dataclass(frozen=True, eq=False)
class Field:
    """∇L, ∇²L·v and ∇²L on flat vectors of D parameters, compiled.

    **Attributes:**

    - `case`, `problem`.
    - `start`: θ(0), shape `(D,)`.
    - `unravel`: flat vector → parameters.
    - `gradient`: `(D,) -> (D,)`.
    - `product`: `(D,), (D,) -> (D,)`, forward over reverse.
    - `products`: `(D,), (k, D) -> (k, D)`, the same by vmap.
    """

    case: Case
    problem: gf.Problem
    start: np.ndarray
    unravel: Callable
    gradient: Callable
    product: Callable
    products: Callable

    @classmethod
    def of(cls, case: Case) -> "Field":
        """The field of a case."""
        problem = case.problem()
        start, unravel = ravel_pytree(problem.parameters)

        def gradient(y):
            return ravel_pytree(problem.gradient(unravel(y)))[0]

        def product(y, v):
            return jax.jvp(gradient, (y,), (v,))[1]

        products = jax.vmap(product, (None, 0))
        return cls(
            case,
            problem,
            np.asarray(start),
            unravel,
            jax.jit(gradient),
            jax.jit(product),
            jax.jit(products),
        )

    @property
    def size(self) -> int:
        """D."""
        return self.start.size

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """∇²L, shape `(D, D)`, symmetric to the last bit."""
        dense = np.asarray(self.products(y, jnp.eye(self.size)))
        return (dense + dense.T) / 2

    def largest_eigenvalue(self, y: np.ndarray) -> float:
        """λ_max(∇²L) by Lanczos."""
        found = gf.hessian_eigenvalues(
            self.problem, parameters=self.unravel(jnp.asarray(y))
        )
        return float(found.eigenvalues[0])

    def error(self, y: np.ndarray, reference: np.ndarray) -> float:
        """The error of a final state in the measure of the case."""
        if not np.all(np.isfinite(y)):
            return float("nan")
        y, reference = (np.asarray(x, np.longdouble) for x in (y, reference))
        norm = lambda x: np.sqrt(np.sum(x * x))
        if self.case.error == "direction":
            y, reference = y / norm(y), reference / norm(reference)
        return float(norm(y - reference) / norm(reference))
