"""The few stiff directions of a Jacobian, followed along a trajectory."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

Field = Callable[[Array], Array]


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


def start(field: Field, state: Array, vector: Array, size: int) -> Array:
    """An orthonormal basis of the Krylov space of J and `vector`, shape `(size, D)`.

    Lanczos' process, reorthogonalised twice against all earlier vectors (which is what
    Arnoldi does where J is not symmetric); `size − 1` products, one after another.
    Where the space closes early it is filled with other directions.
    """
    dimension = state.size
    product = jax.linearize(field, state)[1]

    def step(carry, index):
        basis, following = carry
        following = _normalised(following, basis, index)
        basis = basis.at[index].set(following)
        return (basis, product(following)), None

    empty = jnp.zeros((size, dimension), state.dtype)
    (basis, following), _ = jax.lax.scan(step, (empty, vector), jnp.arange(size - 1))
    return basis.at[size - 1].set(_normalised(following, basis, size - 1))


def refresh(
    field: Field, state: Array, old: Deflation, extra: Float[Array, "e D"]
) -> Deflation:
    """The deflation at another state: one block product, its vectors independent.

    The new space holds the images J Q of the old basis, ordered by size, with the last
    of them replaced by `extra`, the part of the last residual that the old space did
    not hold: one step of subspace iteration, restarted thickly with all that is known.
    """
    size, room = old.basis.shape[0], extra.shape[0]
    _, _, directions = _thin_svd(old.images)
    kept = directions[: size - room]
    left = [kept]
    for vector in extra:
        basis = jnp.concatenate(left)
        padded = jnp.zeros_like(old.basis).at[: basis.shape[0]].set(basis)
        left.append(_normalised(vector, padded, jnp.asarray(basis.shape[0]))[None])
    basis = jnp.concatenate(left)
    return images(field, state, basis)


def images(field: Field, state: Array, basis: Array) -> Deflation:
    """The deflation with this basis."""
    product = jax.linearize(field, state)[1]
    return Deflation(basis, jax.vmap(product)(basis))


def _normalised(vector: Array, basis: Array, index: Array | int) -> Array:
    """The part of a vector orthogonal to the basis, of norm 1.

    Where nothing is left of it, a direction that depends on `index` only stands in.
    """
    size = jnp.max(jnp.abs(vector))
    usable = jnp.isfinite(size) & (size > 0)
    vector = jnp.where(usable, vector / jnp.where(usable, size, 1), 0)
    before = jnp.linalg.norm(vector)
    vector = _reorthogonalised(vector, basis)
    after = jnp.linalg.norm(vector)
    enough = after > 1e3 * jnp.finfo(vector.dtype).eps * before
    key = jax.random.fold_in(jax.random.key(0), index)
    other = jax.random.normal(key, vector.shape, vector.dtype)
    vector = jnp.where(enough & usable, vector, _reorthogonalised(other, basis))
    norm = jnp.linalg.norm(vector)
    return vector / jnp.where(norm > 0, norm, 1)


def _reorthogonalised(vector: Array, basis: Array) -> Array:
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def _thin_svd(rows: Array) -> tuple[Array, Array, Array]:
    """The SVD of a wide matrix by way of its QR, so that it costs thin products only."""
    q, r = jnp.linalg.qr(rows.T)
    u, sizes, v = jnp.linalg.svd(r.T)
    return u, sizes, v @ q.T
