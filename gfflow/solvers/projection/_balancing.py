"""The way back along linear maps between the layers."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..._linalg import eigh, solve
from ...laws import Law
from ...problem import named_parameters
from .._constants import (
    BALANCING_ENERGY_LEFT,
    BALANCING_ITERATIONS_A_LAYER,
)
from ._gauss_newton import Correction, shift_of
from ._units import as_matrix, changed, sides, symmetries_of


def balanced(laws: Sequence[Law]) -> Correction:
    """The correction of balancedness laws by linear maps between the layers.

    The symmetry. With a linear activation after layer l, (W_l, b_l, W_{l+1}) →
    (M_l W_l, M_l b_l, W_{l+1} M_l⁻¹) computes the same function for every invertible
    M_l. Here M_l = (1 − S_l/2)⁻¹(1 + S_l/2), S_l symmetric, and M_l⁻¹ is that of −S_l.

    What it does to H_l = W_{l+1}ᵀW_{l+1} − W_l W_lᵀ − b_l b_lᵀ (arrays divided by the
    roots of their rates). To first order in S, by W_l → W_l + S_l W_l − W_l S_{l−1},
    H_l changes by −(KS)_l,

        (KS)_l = S_l P_l + P_l S_l − 2 W_{l+1}ᵀ S_{l+1} W_{l+1} − 2 W_l S_{l−1} W_lᵀ,
        P_l = W_{l+1}ᵀW_{l+1} + W_l W_lᵀ + b_l b_lᵀ,

    and ⟨S, KS⟩ = 2 Σ_l |S_l W_l − W_l S_{l−1}|² + 2 Σ_l |S_l b_l|² ≥ 0. So KS = H −
    target is solved by conjugate gradients, preconditioned by its diagonal blocks
    S_l P_l + P_l S_l, for one hidden layer all of K: in the eigenbasis of P_l these
    divide by sums b of two of its eigenvalues, or rather (b² + τ²)/b, τ the shift of
    `gauss_newton`, which does nothing where laws depend on each other. With equal rates
    this is the correction of `gauss_newton`, at a cost of r³ instead of r⁶.
    """
    symmetries = symmetries_of(laws)
    rows, columns, owners = sides(symmetries)
    coupled = any(path in rows for path in columns)

    def correction(state, residual):
        arrays = named_parameters(jax.lax.stop_gradient(state))
        roots = {
            path: as_matrix(arrays[path] * jnp.sqrt(s.inverse_rates[path].ravel()[0]))
            for path, s in owners.items()
        }
        sizes = [len(roots[s.rows[0]]) for s in symmetries]
        total = [jnp.zeros((r, r), residual.dtype) for r in sizes]
        for path, root in roots.items():
            if path in rows:
                total[rows[path]] += root @ root.T
            if path in columns:
                total[columns[path]] += root.T @ root
        sums = [jnp.where(top > 0, top, 1) for top in map(jnp.trace, total)]
        lengths = jnp.concatenate(
            [jnp.full(r * (r + 1) // 2, jnp.sqrt(top)) for r, top in zip(sizes, sums)]
        )
        shift = shift_of(residual, lengths, state)
        bases = [eigh(p) for p in total]

        def divide(matrices):
            out = []
            for r, (values, q), top in zip(matrices, bases, sums):
                b = values[:, None] + values[None, :]
                out.append(q @ (q.T @ r @ q * b / (b**2 + (shift * top) ** 2)) @ q.T)
            return out

        def multiply(s):
            out = [a @ p + p @ a for a, p in zip(s, total)]
            for path, root in roots.items():
                if path in rows and path in columns:
                    row, column = rows[path], columns[path]
                    out[row] -= 2 * root @ s[column] @ root.T
                    out[column] -= 2 * root.T @ s[row] @ root
            return out

        right = _symmetric(residual, sizes)
        if coupled:
            iterate = lambda product, b: _conjugate_gradients(product, b, divide)
            maps = jax.lax.custom_linear_solve(multiply, right, iterate, symmetric=True)
        else:
            maps = divide(right)
        half = lambda s: jnp.eye(len(s), dtype=s.dtype) + s / 2
        cayley = lambda s: solve(half(-s), half(s))

        def change(path, array):
            if path in rows:
                array = cayley(maps[rows[path]]) @ array
            if path in columns:
                array = array @ cayley(-maps[columns[path]])
            return array

        return changed(state, change), lengths

    return correction


def _conjugate_gradients(product, right, divide):
    """Until the error in the energy norm is 1e-10 of what it was at the start."""
    dot = lambda a, b: sum(jnp.vdot(x, y) for x, y in zip(a, b))
    ratio = lambda a, b: jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)
    add = lambda a, scale, b: [x + scale * y for x, y in zip(a, b)]

    def going(carry):
        *_, energy, count = carry
        return (energy > BALANCING_ENERGY_LEFT * start) & (
            count < BALANCING_ITERATIONS_A_LAYER * len(right)
        )

    def body(carry):
        x, residual, direction, energy, count = carry
        image = product(direction)
        step = ratio(energy, dot(direction, image))
        x, residual = add(x, step, direction), add(residual, -step, image)
        divided = divide(residual)
        new = dot(residual, divided)
        direction = add(divided, ratio(new, energy), direction)
        return x, residual, direction, new, count + 1

    first, zero = divide(right), [jnp.zeros_like(r) for r in right]
    start = dot(right, first)
    return jax.lax.while_loop(going, body, (zero, right, first, start, 0))[0]


def _symmetric(flat, sizes) -> list[Array]:
    """Symmetric matrices from their upper triangles by rows, one after the other."""
    matrices = []
    for r in sizes:
        upper, count = jnp.zeros((r, r), flat.dtype), r * (r + 1) // 2
        upper = upper.at[jnp.triu_indices(r)].set(flat[:count])
        matrices.append(upper + upper.T - jnp.diag(jnp.diagonal(upper)))
        flat = flat[count:]
    return matrices
