"""The quadratic model of the potential at a point, in its own eigenbasis."""

from collections.abc import Callable
from typing import NamedTuple, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._typing import BoolScalar, Scalar
from ._krylov import next_direction
from ._potential import Potential

_KRYLOV = 96
_SHORT = 1e-4


@final
class QuadraticModel(NamedTuple):
    """On k orthonormal directions.

    - `basis`: Ritz vectors of the Hessian as columns; all eigenvectors if k = D.
    - `values`: their Ritz values, least first.
    - `slopes`: the components of the gradient along them, which it is the sum of.
    - `top`: the largest size of a Ritz value; `hvps`: products that it took.
    - `newton`: the length of the Newton step, infinite where there is none.
    """

    basis: Float[Array, "D k"]
    values: Float[Array, " k"]
    slopes: Float[Array, " k"]
    top: Scalar
    newton: Scalar
    hvps: Array

    def short(self, theta: Float[Array, " D"]) -> BoolScalar:
        """Whether the Newton step is next to nothing beside θ."""
        return self.newton <= _SHORT * jnp.maximum(jnp.linalg.norm(theta), 1)

    def noise(self, theta: Float[Array, " D"]) -> Scalar:
        """The round-off in the gradient: at least that of θ itself, |∇²V| ε|θ|."""
        return _noise(self.top, theta)

    def descends(self) -> BoolScalar:
        """Whether there is negative curvature, of more than √ε of the largest."""
        eps = jnp.finfo(self.values.dtype).eps
        return self.values[0] < -(eps**0.5) * self.top

    def undecided(self) -> Int[Array, ""]:
        """In how many directions the curvature is within √ε of the largest of 0."""
        eps = jnp.finfo(self.values.dtype).eps
        return jnp.sum(jnp.abs(self.values) <= eps**0.5 * self.top)


def quadratic_model(
    potential: Potential,
    theta: Float[Array, " D"],
    gradient: Float[Array, " D"],
    dense: bool,
) -> QuadraticModel:
    """The model at θ: of the whole Hessian (D products), or on 96 directions."""
    product = lambda direction: potential.product(theta, direction)
    if dense:
        basis = jnp.eye(theta.size, dtype=theta.dtype)
        matrix = jax.lax.map(product, basis, batch_size=min(64, theta.size))
    else:
        basis, matrix = _restricted(product, gradient)
    matrix = jnp.where(jnp.all(jnp.isfinite(matrix)), matrix, 0)
    values, vectors = jnp.linalg.eigh((matrix + matrix.T) / 2)
    basis = basis.T @ vectors
    slopes = basis.T @ gradient
    top = jnp.max(jnp.abs(values))
    lifted, least = lifted_values(values, top)
    heard = jnp.abs(slopes) > _noise(top, theta)
    newton = jnp.linalg.norm(jnp.where(heard, slopes / lifted, 0))
    return QuadraticModel(
        basis=basis,
        values=values,
        slopes=jnp.where((lifted <= least) & ~heard, 0, slopes),
        top=top,
        newton=jnp.where(lifted[0] > 0, newton, jnp.inf),
        hvps=jnp.asarray(len(values)),
    )


def lifted_values(
    values: Float[Array, " k"], top: Scalar
) -> tuple[Float[Array, " k"], Scalar]:
    """The eigenvalues that a step divides by, of which none is near 0, and the least.

    Slight negative ones count by their size: the step is then still one of descent.
    """
    eps = jnp.finfo(values.dtype).eps
    least = jnp.maximum(10 * len(values) * eps * top, jnp.finfo(eps.dtype).tiny ** 0.5)
    slight = jnp.abs(values) <= eps**0.5 * top
    values = jnp.where(slight, jnp.abs(values), values)
    return jnp.where(jnp.abs(values) < least, least, values), least


def _noise(top, theta) -> Scalar:
    return 4 * jnp.finfo(theta.dtype).eps * top * jnp.linalg.norm(theta)


def _restricted(
    product: Callable[[Array], Array], gradient: Float[Array, " D"]
) -> tuple[Float[Array, "k D"], Float[Array, "k k"]]:
    """Orthonormal directions as rows, and the Hessian on them.

    Two thirds span the Krylov space of the gradient, in which the step is found
    (Gould, Lucidi, Roma & Toint 1999), the others that of a random vector, which sees
    curvature where there is no slope.
    """
    count = min(_KRYLOV, gradient.size)

    def step(carry, index):
        basis, matrix, image = carry
        vector, _ = next_direction(
            image,
            basis,
            scale=jnp.linalg.norm(image),
            key=jax.random.key(0),
            index=index,
            restart=index == 2 * count // 3,
        )
        basis = basis.at[index].set(vector)
        image = product(vector)
        column = basis @ image
        matrix = matrix.at[index].set(column).at[:, index].set(column)
        return (basis, matrix, image), None

    basis = jnp.zeros((count, gradient.size), gradient.dtype)
    matrix = jnp.zeros((count, count), gradient.dtype)
    carry, _ = jax.lax.scan(step, (basis, matrix, gradient), jnp.arange(count))
    return carry[:2]
