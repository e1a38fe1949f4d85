"""The linear equations of simplified Newton's method for all stages at once."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._linalg import inverse, solve
from .._constants import FEW_DIRECTIONS
from ._deflation import Deflation, by_size


class StageSystem(NamedTuple):
    """dK_i = r_i + h J_i Σ a_ij dK_j with J_i ≈ (W + δ_i V)ᵀ Q, V the drift.

    With z_i = Q dK_i and G_i = Q (W + δ_i V)ᵀ it is z_i = Q r_i + h G_i Σ a_ij z_j, a
    system of s·k unknowns that is inverted once a step, and dK_i = r_i + (W + δ_i V)ᵀ
    h Σ a_ij z_j. The Jacobian may so change along the step: a constant one makes the
    iteration converge by a factor of O(h²), this one by O(h³).

    - `weights`, `matrix`: δ, and h A.
    - `projected`: Q Wᵀ; `inverse` is that of the system.
    """

    deflation: Deflation
    weights: Float[Array, " s"]
    matrix: Float[Array, "s s"]
    projected: Float[Array, "k k"]
    inverse: Float[Array, "s k s k"]

    @classmethod
    def none(cls, deflation: Deflation, stages: int) -> "StageSystem":
        """Of these shapes, without content."""
        most, dtype = len(deflation.basis), deflation.basis.dtype
        zeros = lambda *shape: jnp.zeros(shape, dtype)
        inverse = zeros(stages, most, stages, most)
        matrix = zeros(stages, stages)
        return cls(deflation, zeros(stages), matrix, zeros(most, most), inverse)

    @classmethod
    def of(cls, deflation: Deflation, weights: Array, matrix: Array) -> "StageSystem":
        """**Arguments:**

        - `weights`: δ at the stages.
        - `matrix`: h A.
        """
        most, stages = len(deflation.basis), len(matrix)

        def invert(rows):
            basis = deflation.basis[:rows]
            steady = basis @ deflation.images[:rows].T
            drift = basis @ deflation.drift[:rows].T
            projected = steady[None] + weights[:, None, None] * drift[None]
            blocks = matrix[:, None, :, None] * projected[:, :, None, :]
            size = stages * rows
            system = jnp.eye(size, dtype=matrix.dtype) - blocks.reshape(size, size)
            inverted = inverse(system).reshape(stages, rows, stages, rows)
            pad = (0, 0), (0, most - rows)
            return jnp.pad(steady, (pad[1], pad[1])), jnp.pad(inverted, (*pad, *pad))

        made = by_size(deflation.count <= FEW_DIRECTIONS, most, invert)
        return cls(deflation, weights, matrix, *made)

    def filtered(self, vector: Array, factor: Array) -> Float[Array, " D"]:
        """(1 − f Wᵀ Q)⁻¹ r.

        It is r + f Wᵀ (1 − f Q Wᵀ)⁻¹ Q r: multiply by 1 − f Wᵀ Q; the terms in Wᵀ are
        f [(1 − f Q Wᵀ)⁻¹ − 1 − f Q Wᵀ (1 − f Q Wᵀ)⁻¹] Q r = 0 (Woodbury).
        """
        matrix = jnp.eye(len(self.projected), dtype=vector.dtype)
        matrix = matrix - factor * self.projected
        inside = solve(matrix, self.deflation.basis @ vector)
        return vector + factor * inside @ self.deflation.images

    def correction(self, residual: Float[Array, "s D"]) -> Float[Array, "s D"]:
        """dK for the residual r."""
        inside = residual @ self.deflation.basis.T
        moved = self.matrix @ jnp.einsum("iajb,jb->ia", self.inverse, inside)
        steady = moved @ self.deflation.images
        return residual + steady + self.weights[:, None] * moved @ self.deflation.drift
