"""The top of the Hessian's spectrum by Lanczos' method."""

from typing import NamedTuple, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PRNGKeyArray

from .._errors import ProblemError
from .._typing import Parameters
from ..problem import second_order
from ._krylov import next_direction, random_vector


class Spectrum(NamedTuple):
    """Ritz values of the Hessian, largest first, each with its residual.

    An eigenvalue lies within `residuals[i]` of `eigenvalues[i]` (in units of the loss
    per squared parameter).
    """

    eigenvalues: Float[Array, " k"]
    residuals: Float[Array, " k"]


@runtime_checkable
class HasHessian(Protocol):
    """A function of parameters that is known by its Hessian-vector products."""

    @property
    def parameters(self) -> Parameters: ...

    def hvp(self, parameters: Parameters, direction: Parameters) -> Parameters: ...


@second_order(ProblemError)
def hessian_eigenvalues(
    problem: HasHessian,
    count: int = 1,
    *,
    parameters: Parameters | None = None,
    iterations: int | None = None,
    key: PRNGKeyArray | None = None,
) -> Spectrum:
    """The `count` algebraically largest eigenvalues of ∇²L.

    Lanczos' three-term recurrence with full reorthogonalisation, one Hessian-vector
    product an iteration. With T = V S Vᵀ the tridiagonal matrix after m iterations and
    β_m the next off-diagonal entry, the Ritz pair (s_i, Q v_i) has residual norm
    β_m |v_{m,i}|.

    **Arguments:**

    - `problem`: a `Problem`, or what else has its `parameters` and `hvp`.
    - `count`: how many eigenvalues, at most the number of parameters.
    - `parameters`: where; the problem's own by default.
    - `iterations`: m; by default `min(D, 4 count + 40)`.
    - `key`: of the random start vector.

    **Raises:** `ProblemError` if `count` or `iterations` do not fit the size, or the
    model has no Hessian-vector products.
    """
    parameters = problem.parameters if parameters is None else parameters
    start, unravel = ravel_pytree(parameters)
    size = start.size
    steps = min(size, 4 * count + 40) if iterations is None else iterations
    if not 1 <= count <= steps <= size:
        raise ProblemError(
            "hessian_eigenvalues wants 1 <= count <= iterations <= parameters; got "
            f"count={count}, iterations={steps}, {size} parameters"
        )
    key = jax.random.key(0) if key is None else key

    def step(carry, index):
        basis, vector, scale = carry
        basis = basis.at[index].set(vector)
        image = ravel_pytree(problem.hvp(parameters, unravel(vector)))[0]
        scale = jnp.maximum(scale, jnp.linalg.norm(image))
        following, beta = next_direction(
            image, basis, scale=scale, key=key, index=index
        )
        return (basis, following, scale), (vector @ image, beta)

    first = random_vector(key, steps, start)
    carry = (
        jnp.zeros((steps, size), start.dtype),
        first / jnp.linalg.norm(first),
        jnp.zeros((), start.dtype),
    )
    _, (alpha, beta) = jax.lax.scan(step, carry, jnp.arange(steps))
    matrix = jnp.diag(alpha) + jnp.diag(beta[:-1], 1) + jnp.diag(beta[:-1], -1)
    values, vectors = jnp.linalg.eigh(matrix)
    last = jnp.where(steps == size, 0.0, beta[-1])
    residuals = last * jnp.abs(vectors[-1])
    return Spectrum(values[::-1][:count], residuals[::-1][:count])
