"""Three ways back to the level set of laws: two by symmetry, and along ∇h."""

from collections.abc import Callable, Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Float, PyTree

from ..._linalg import eigh, solve, solve_positive
from ..._typing import BoolScalar, Scalar, State
from ...laws import Law, homogeneity
from ...laws._balancedness import _Balancedness
from ...laws._rescaling import _Rescaling
from ...laws._structure import is_linear
from ...problem import named_leaves, named_parameters

Way = Literal["rescaling", "balancing", "gauss-newton"]
Correction = Callable[[State, Float[Array, " m"]], tuple[State, Float[Array, " m"]]]

_BLOCK_ELEMENTS = 4_000_000
_ITERATIONS = 5
_FARTHEST = 1.0


def way_back(laws: Sequence[Law]) -> Way:
    """How these laws are restored together.

    By their symmetry where all are rescaling laws of homogeneous activations, or all
    are balancedness of linear ones, each of its own layer, at positive rates; along ∇h
    otherwise.
    """
    fns = [law.fn for law in laws]
    layers = [fn.before.weight for fn in fns if isinstance(fn, _Named)]
    positive = all(fn.rates.positive for fn in fns if isinstance(fn, _Named))
    if positive and len(set(layers)) == len(fns):
        homogeneous = lambda fn: homogeneity(fn.before.activation) == fn.q
        if all(isinstance(fn, _Rescaling) and homogeneous(fn) for fn in fns):
            return "rescaling"
        linear = lambda fn: is_linear(fn.before.activation)
        if all(isinstance(fn, _Balancedness) and linear(fn) for fn in fns):
            return "balancing"
    return "gauss-newton"


def sees_its_parameters(laws: Sequence[Law], state: State, seen: PyTree) -> bool:
    """Whether the arrays that the laws name are leaves of the state itself."""
    mine, theirs = named_parameters(state), named_parameters(seen)
    paths = _sides(_named(laws))[2]
    return all(path in mine and mine[path] is theirs[path] for path in paths)


def rescaled(
    laws: Sequence[Law], state: State, targets: Sequence[Float[Array, " units"]]
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
    fns = _named(laws)
    arrays = named_parameters(state)
    rows, columns, owners = _sides(fns)
    squares = {p: arrays[p] ** 2 * fn.rates.inverse[p] for p, fn in owners.items()}
    degrees = [fn.q if isinstance(fn, _Rescaling) else 1.0 for fn in fns]
    if any(path in rows for path in columns) or any(q != 1.0 for q in degrees):
        scales = _stationary(degrees, squares, rows, columns, targets)
    else:
        scales = [_root(fn, squares, h) for fn, h in zip(fns, targets)]

    def scale(path, array):
        if path in rows:
            factor = jnp.exp(scales[rows[path]])[:, None]
            array = (_matrix(array) * factor).reshape(array.shape)
        if path in columns:
            index = columns[path]
            array = array * jnp.exp(-degrees[index] * scales[index])[None, :]
        return array

    return _changed(state, scale)


def _root(fn, squares, h):
    """z of each unit of a layer that shares no array with another law, q = 1."""
    outgoing = jnp.sum(squares[fn.after.weight], axis=0)
    incoming = jnp.sum(squares[fn.before.weight], axis=1)
    if fn.before.bias:
        incoming = incoming + squares[fn.before.bias]
    square = h**2 + 4 * outgoing * incoming
    root = jnp.sqrt(jnp.where(square > 0, square, 1))
    top = jnp.where(h > 0, 2 * outgoing, root - h)
    bottom = jnp.where(h > 0, root + h, 2 * incoming)
    usable = (square > 0) & (top > 0) & (bottom > 0)
    ratio = jnp.where(usable, top, 1) / jnp.where(usable, bottom, 1)
    return jnp.clip(jnp.log(ratio) / 2, -_FARTHEST, _FARTHEST)


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
        square = _matrix(square)
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
        return jnp.clip(z - change, -_FARTHEST, _FARTHEST)

    z = jax.lax.fori_loop(0, _ITERATIONS, step, jnp.zeros(total, dtype))
    return [z[start : start + size] for start, size in zip(starts, sizes)]


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
    fns = _named(laws)
    rows, columns, owners = _sides(fns)
    coupled = any(path in rows for path in columns)

    def correction(state, residual):
        arrays = named_parameters(jax.lax.stop_gradient(state))
        roots = {
            path: _matrix(arrays[path] * jnp.sqrt(fn.rates.inverse[path].ravel()[0]))
            for path, fn in owners.items()
        }
        sizes = [len(roots[fn.before.weight]) for fn in fns]
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
        shift = _shift(residual, lengths, state)
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

        return _changed(state, change), lengths

    return correction


def gauss_newton(fn: Callable[[State], Float[Array, " m"]]) -> Correction:
    """The correction of any laws, along their gradients.

    With r = fn(y) − target, J = ∂fn/∂y (m × D) and N = diag |J_i|, it is

        y ← y − (N⁻¹J)ᵀ (N⁻¹JJᵀN⁻¹ + μ)⁻¹ N⁻¹r,

    a Levenberg–Marquardt step, of which Gauss–Newton's is the limit μ → 0. Rows of J
    that depend on each other (such as the entries of a symmetric matrix of deficient
    rank) do not make it singular: on a singular value σ of N⁻¹J the factor is
    σ/(σ² + μ), so what is consistent shrinks by μ/(σ² + μ), and the kernel moves
    nothing. μ is (|N⁻¹r|/|y|)², with which the iteration is quadratic also at singular
    J (Yamashita & Fukushima 2001, Thm 2.1), and at least round-off.

    JJᵀ is taken column by column through a vjp and a jvp of fn. To differentiation it
    is a constant: that changes the derivative of one correction by a multiple of r in
    the range of Jᵀ, which the next removes like any departure from the level set.
    """

    def correction(state, residual):
        here = jax.lax.stop_gradient(state)
        size = sum(leaf.size for leaf in jtu.tree_leaves(state))
        count = len(residual)
        _, push = jax.linearize(fn, here)
        pull = jax.linear_transpose(push, here)
        batch = max(1, min(count, _BLOCK_ELEMENTS // size))
        units = jnp.eye(count, dtype=residual.dtype)
        gram = jax.lax.map(lambda unit: push(*pull(unit)), units, batch_size=batch)
        length = jnp.sqrt(jnp.diagonal(gram))
        length = jnp.where(length > 0, length, 1)
        gram = (gram + gram.T) / 2 / length[:, None] / length[None, :]
        gram = gram + _shift(residual, length, state) * units
        weights = solve_positive(gram, residual / length) / length
        _, pull = jax.vjp(fn, state)
        return jtu.tree_map(jnp.subtract, state, pull(weights)[0]), length

    return correction


def restored(
    fn: Callable[[State], Float[Array, " m"]],
    state: State,
    target: Float[Array, " m"],
    noise: Float[Array, " m"],
    correction: Correction,
    corrections: int,
) -> State:
    """The state near `state` at which fn = `target`, by at most `corrections` of them.

    A correction that does not bring y closer is not made, and is the last one: laws
    that cannot be met change little, and what is not finite stays as it is.

    **Arguments:**

    - `noise`: what of r = fn(y) − target counts as nothing.
    - `correction`: (y, r) -> (new y, lengths that make distances of r).
    """

    met = lambda residual: jnp.all(jnp.abs(residual) <= noise)

    def attempt(state, residual) -> tuple[State, Array, BoolScalar]:
        moved, length = correction(state, residual)
        left = fn(moved) - target
        closer = _distance(left, length) < _distance(residual, length)
        keep = lambda new, old: jnp.where(closer, new, old)
        residual = keep(left, residual)
        return jtu.tree_map(keep, moved, state), residual, ~closer | met(residual)

    def body(carry, _):
        state, residual, done = carry
        stay = lambda state, residual: (state, residual, jnp.asarray(True))
        return jax.lax.cond(done, stay, attempt, state, residual), None

    residual = fn(state) - target
    carry = state, residual, met(residual)
    (state, _, _), _ = jax.lax.scan(body, carry, length=corrections)
    return state


def _distance(residual, length) -> Scalar:
    return jnp.linalg.norm(jax.lax.stop_gradient(residual) / length)


def _shift(residual, length, state) -> Scalar:
    """μ of the Levenberg–Marquardt step, for a matrix with unit diagonal."""
    floor = 10 * (len(residual) + 10) * jnp.finfo(residual.dtype).eps
    leaves = jtu.tree_leaves(jax.lax.stop_gradient(state))
    square = sum(jnp.sum(jnp.square(leaf)).astype(residual.dtype) for leaf in leaves)
    relative = _distance(residual, length) ** 2 / jnp.where(square > 0, square, 1)
    return jnp.clip(relative, floor, 1)


def _conjugate_gradients(product, right, divide):
    """Until the error in the energy norm is 1e-10 of what it was at the start."""
    dot = lambda a, b: sum(jnp.vdot(x, y) for x, y in zip(a, b))
    ratio = lambda a, b: jnp.where(b > 0, a / jnp.where(b > 0, b, 1), 0)
    add = lambda a, scale, b: [x + scale * y for x, y in zip(a, b)]

    def going(carry):
        *_, energy, count = carry
        return (energy > 1e-20 * start) & (count < 30 * len(right))

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


_Named = _Rescaling | _Balancedness


def _named(laws: Sequence[Law]) -> list[_Named]:
    return [law.fn for law in laws if isinstance(law.fn, _Named)]


def _sides(fns: Sequence[_Named]):
    """Path → the law whose units are its rows; whose units are its columns; any one."""
    rows = {fn.before.weight: index for index, fn in enumerate(fns)}
    rows |= {fn.before.bias: i for i, fn in enumerate(fns) if fn.before.bias}
    columns = {fn.after.weight: index for index, fn in enumerate(fns)}
    owners = {path: fns[index] for path, index in (rows | columns).items()}
    return rows, columns, owners


def _matrix(array):
    return array[:, None] if array.ndim == 1 else array


def _changed(state: State, change: Callable[[str, Array], Array]) -> State:
    """The state with each leaf replaced by `change(path, leaf)`."""
    changed = [change(path, leaf) for path, leaf in named_leaves(state)]
    return jtu.tree_unflatten(jtu.tree_structure(state), changed)
