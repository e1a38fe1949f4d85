"""The way back along rescalings of hidden units."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._linalg import solve_positive
from ..._typing import State
from ...laws import Law, Symmetry
from ...problem import named_parameters
from .._constants import (
    RESCALING_FARTHEST,
    RESCALING_NEWTON_ITERATIONS,
)
from ._units import as_matrix, changed, sides, symmetries_of


def rescaled(
    laws: Sequence[Law], state: State, targets: Sequence[Float[Array, " _"]]
) -> State:
    """The state at which h = `targets`, on the orbit of the rescaling symmetry.

    The symmetry. Multiply the incoming row and bias of unit k of hidden layer l by
    e^{z_lk}, and its outgoing column by e^{−q_l z_lk}. Where σ_l(λx) = λ^{q_l} σ_l(x),
    the network computes the same function as before.

    One layer, q = 1. With A = Σ_i U[i,k]²/s and B = Σ_j V[k,j]²/s + b_k²/s the law
    after a rescaling by x = e^{2z} is A/x − Bx, so Bx² + hx − A = 0 has the one
    positive root x = (√(h² + 4AB) − h)/(2B) = 2A/(√(h² + 4AB) + h); the form without
    cancellation is taken.

    Several layers. A matrix between two hidden layers has its rows scaled by one law
    and its columns by the other. Let w run over all squared weights (over their rates),
    each with the row unit j and the column unit i that scale it, if any:

        F(z) = ½ Σ_w w e^{2z_j − 2 q_i z_i} + Σ_lk h_lk z_lk.

    Then ∂F/∂z_lk = (incoming) − q_l (outgoing) + h_lk: the laws hold where F is
    stationary. F is a sum of exponentials of linear functions and a linear function,
    hence convex, and Newton's method finds the point, with a matrix of the size of the
    hidden units together: Σ_w 2w (e_j − q_i e_i)(e_j − q_i e_i)ᵀ.

    **Returns:** the state; a unit that would have to be scaled by more than e^±1 is
    scaled by that, and one whose weights are all zero stays as it is.
    """
    symmetries = symmetries_of(laws)
    arrays = named_parameters(state)
    rows, columns, owners = sides(symmetries)
    squares = {p: arrays[p] ** 2 * s.inverse_rates[p] for p, s in owners.items()}
    degrees = [symmetry.degree for symmetry in symmetries]
    if any(path in rows for path in columns) or any(q != 1.0 for q in degrees):
        scales = _stationary(degrees, squares, rows, columns, targets)
    else:
        scales = [_root(s, squares, h) for s, h in zip(symmetries, targets)]

    def scale(path, array):
        if path in rows:
            factor = jnp.exp(scales[rows[path]])[:, None]
            array = (as_matrix(array) * factor).reshape(array.shape)
        if path in columns:
            index = columns[path]
            array = array * jnp.exp(-degrees[index] * scales[index])[None, :]
        return array

    return changed(state, scale)


def _root(symmetry: Symmetry, squares, h):
    """z of each unit of a layer that shares no array with another law, q = 1."""
    (after,), (before, *biases) = symmetry.columns, symmetry.rows
    outgoing = jnp.sum(squares[after], axis=0)
    incoming = jnp.sum(squares[before], axis=1)
    for bias in biases:
        incoming = incoming + squares[bias]
    square = h**2 + 4 * outgoing * incoming
    root = jnp.sqrt(jnp.where(square > 0, square, 1))
    top = jnp.where(h > 0, 2 * outgoing, root - h)
    bottom = jnp.where(h > 0, root + h, 2 * incoming)
    usable = (square > 0) & (top > 0) & (bottom > 0)
    ratio = jnp.where(usable, top, 1) / jnp.where(usable, bottom, 1)
    return jnp.clip(jnp.log(ratio) / 2, -RESCALING_FARTHEST, RESCALING_FARTHEST)


def _stationary(degrees, squares, rows, columns, targets):
    """The stationary point of F; the matrix is a constant to differentiation.

    Rows and columns that no law scales belong to one more unit, whose z stays 0.
    """
    sizes = [len(h) for h in targets]
    starts = [sum(sizes[:index]) for index in range(len(sizes) + 1)]
    total, dtype = starts[-1], targets[0].dtype
    floor = 10 * total * jnp.finfo(dtype).eps
    parts = []
    for path, square in squares.items():
        square = as_matrix(square)
        place = lambda side, n: jnp.minimum(
            starts[side.get(path, -1)] + jnp.arange(n), total
        )
        row, column = map(place, (rows, columns), square.shape)
        parts.append((square, row, column, degrees[columns.get(path, 0)]))

    def slope_and_matrix(z):
        z = jnp.append(z, jnp.zeros((), dtype))
        slope = jnp.append(jnp.concatenate(targets), jnp.zeros((), dtype))
        matrix = jnp.zeros((total + 1, total + 1), dtype)
        for square, row, column, q in parts:
            square = square * jnp.exp(2 * z[row][:, None] - 2 * q * z[column][None, :])
            into, out = jnp.sum(square, axis=1), jnp.sum(square, axis=0)
            slope = slope.at[row].add(into).at[column].add(-q * out)
            matrix = matrix.at[row, row].add(2 * into)
            matrix = matrix.at[column, column].add(2 * q**2 * out)
            row, column = row[:, None], column[None, :]
            matrix = matrix.at[row, column].add(-2 * q * square)
            matrix = matrix.at[column.T, row.T].add(-2 * q * square.T)
        return slope[:-1], jax.lax.stop_gradient(matrix[:-1, :-1])

    def step(_, z):
        slope, matrix = slope_and_matrix(z)
        size = jnp.sqrt(jnp.diagonal(matrix))
        live = size > 0
        size = jnp.where(live, size, 1)
        matrix = matrix / size[:, None] / size[None, :]
        matrix = matrix + jnp.diag(jnp.where(live, floor, 1).astype(dtype))
        change = solve_positive(matrix, slope / size) / size
        change = jnp.where(live & jnp.all(jnp.isfinite(change)), change, 0)
        return jnp.clip(z - change, -RESCALING_FARTHEST, RESCALING_FARTHEST)

    z = jax.lax.fori_loop(0, RESCALING_NEWTON_ITERATIONS, step, jnp.zeros(total, dtype))
    return [z[start : start + size] for start, size in zip(starts, sizes)]
