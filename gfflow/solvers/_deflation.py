"""The few stiff directions of a Jacobian, followed along a trajectory."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

Field = Callable[[Array], Array]

_LEFT = 1e-4


class Deflation(NamedTuple):
    """J ≈ Wᵀ Q with orthonormal rows of Q and W = Q Jᵀ: exact on the span of Q.

    - `basis`: Q, shape `(k, D)`.
    - `images`: W, row i is J times row i of Q.
    """

    basis: Float[Array, "k D"]
    images: Float[Array, "k D"]

    @property
    def projected(self) -> Float[Array, "k k"]:
        """Q J Qᵀ: its eigenvalues are the Ritz values of J."""
        return self.basis @ self.images.T

    def resolvents(self, factors: Array) -> Complex[Array, "p k k"]:
        """(1 − f Q J Qᵀ)⁻¹ for each of the factors f."""
        eye = jnp.eye(self.basis.shape[0], dtype=factors.dtype)
        projected = self.projected.astype(factors.dtype)
        return jnp.linalg.inv(eye[None] - factors[:, None, None] * projected[None])

    def correction(
        self, coordinates: Array, resolvents: Array, factors: Array
    ) -> Complex[Array, "p k"]:
        """The coordinates in W of ((1 − f Wᵀ Q)⁻¹ − 1) r, from those of r in Q.

        Statement: (1 − f Wᵀ Q)⁻¹ r = r + f Wᵀ (1 − f Q Wᵀ)⁻¹ Q r. Proof: multiply by
        1 − f Wᵀ Q; the terms in Wᵀ are f [(1 − f Q Wᵀ)⁻¹ − 1 − f Q Wᵀ (1 − f Q Wᵀ)⁻¹]
        Q r = 0 (Woodbury).
        """
        return factors[:, None] * jnp.einsum("pij,pj->pi", resolvents, coordinates)


def first_basis(vector: Array, size: int) -> Float[Array, "k D"]:
    """Orthonormal rows, the first of them along `vector`, the others at random."""
    key = jax.random.key(0)
    other = jax.random.normal(key, (size, vector.size), vector.dtype)
    norm = jnp.linalg.norm(vector)
    usable = jnp.isfinite(norm) & (norm > 0)
    scaled = vector / jnp.where(usable, norm, 1) * vector.size**0.5
    rows = other.at[0].set(jnp.where(usable, scaled, other[0]))
    return jnp.linalg.qr(rows.T)[0].T


def next_basis(old: Deflation, extra: Float[Array, "e D"]) -> Float[Array, "k D"]:
    """The basis for the next product.

    It spans the images J Q of the old basis, one step of subspace iteration, ordered by
    size; the least of them give way to `extra`, the part of the last residual that the
    old space did not hold, where there is any. Nothing known is thrown away: the
    iteration is restarted thickly.
    """
    size, room = old.basis.shape[0], extra.shape[0]
    q, r = jnp.linalg.qr(old.images.T)
    kept = jnp.linalg.svd(r.T)[2] @ q.T
    if not room:
        return kept
    head, tail = kept[: size - room], kept[size - room :]
    sizes = jnp.linalg.norm(extra, axis=1, keepdims=True)
    unit = extra / jnp.where(sizes > 0, sizes, 1)
    for _ in range(2):
        unit = unit - (unit @ head.T) @ head
    left = jnp.linalg.norm(unit, axis=1, keepdims=True)
    fresh = jnp.where(left > _LEFT, unit, tail)
    return jnp.linalg.qr(jnp.concatenate([head, fresh]).T)[0].T


def images(field: Field, state: Array, basis: Array) -> Deflation:
    """The deflation with this basis: one batch of products, all at once."""
    product = jax.linearize(field, state)[1]
    return Deflation(basis, jax.vmap(product)(basis))
