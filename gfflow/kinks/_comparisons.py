"""The operations that make kinks, as choices between two sides.

Each takes the values that go in and a way to ask for the gate of a margin, and gives
what comes out; `None` where all its gates are left to the program.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from ._gates import mixed, truth

Ask = Callable[[Array, Array], Array | None]
Rule = Callable[[JaxprEqn, Sequence[Array], Ask], Any]


def _greater(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    name = equation.primitive.name
    if name in ("lt", "le"):
        a, b = b, a
    gate = ask(_difference(a, b), a > b if name in ("gt", "lt") else a >= b)
    return None if gate is None else truth(gate)


def _larger(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    gate = ask(_difference(a, b), a > b)
    return None if gate is None else mixed(gate, a, b)


def _smaller(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    gate = ask(_difference(b, a), b > a)
    return None if gate is None else mixed(gate, a, b)


def _absolute(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    (a,) = values
    gate = ask(a, a > 0)
    return None if gate is None else mixed(gate, a, -a)


def _sign(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    (a,) = values
    gate = ask(a, a > 0)
    one = jnp.ones_like(a)
    return None if gate is None else mixed(gate, one, -one)


def _clamped(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    low, x, high = values
    low, high = (jnp.broadcast_to(bound, x.shape) for bound in (low, high))
    above, below = (
        ask(_difference(x, low), x > low),
        ask(_difference(high, x), high > x),
    )
    if above is None and below is None:
        return None
    above = x > low if above is None else above
    below = high > x if below is None else below
    return mixed(below, mixed(above, x, low), high)


def _reduced(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    """The largest, or the least, along axes, by rounds of pairs."""
    (x,) = values
    axes = equation.params["axes"]
    rest = [i for i in range(x.ndim) if i not in axes]
    rows = jnp.transpose(x, (*axes, *rest))
    rows = rows.reshape(-1, *(x.shape[i] for i in rest))
    return _tournament(rows, equation.primitive.name == "reduce_max", ask)


def _pooled(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    """The largest of each window: that of the array's shifts."""
    (x,) = values
    p = equation.params
    fill = jnp.asarray(-jnp.inf, x.dtype)
    padding = [
        (low, high, base - 1)
        for (low, high), base in zip(p["padding"], p["base_dilation"])
    ]
    wide = lax.pad(x, fill, padding)
    sizes, strides, steps = (
        np.asarray(p[name])
        for name in ("window_dimensions", "window_strides", "window_dilation")
    )
    counts = (np.asarray(wide.shape) - (sizes - 1) * steps - 1) // strides + 1
    shifts = []
    for index in np.ndindex(*sizes):
        start = np.asarray(index) * steps
        stop = start + (counts - 1) * strides + 1
        shifts.append(lax.slice(wide, start.tolist(), stop.tolist(), strides.tolist()))
    return _tournament(jnp.stack(shifts), True, ask)


def _tournament(rows: Array, largest: bool, ask: Ask) -> Any:
    asked = False
    while len(rows) > 1:
        half = len(rows) // 2
        a, b, left = rows[:half], rows[half : 2 * half], rows[2 * half :]
        first, second = (a, b) if largest else (b, a)
        bit = first > second
        gate = ask(_difference(first, second), bit)
        asked |= gate is not None
        won = mixed(bit if gate is None else gate, a, b)
        rows = jnp.concatenate([won, left])
    return rows[0] if asked else None


def _sorted(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    """By Batcher's odd–even merge sort: comparators that exchange, in rounds."""
    axis, keys = equation.params["dimension"], values[0]
    rows = [jnp.moveaxis(x, axis, 0) for x in values]
    asked = False
    for left, right in _rounds(keys.shape[axis]):
        a, b = rows[0][left], rows[0][right]
        bit = b > a
        gate = ask(_difference(b, a), bit)
        asked |= gate is not None
        gate = bit if gate is None else gate
        for i, row in enumerate(rows):
            a, b = row[left], row[right]
            low, high = mixed(gate, a, b), mixed(gate, b, a)
            rows[i] = row.at[left].set(low).at[right].set(high)
    made = [jnp.moveaxis(row, 0, axis) for row in rows]
    return made if asked else None


def _rounds(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The comparators of each round (Knuth, The Art of Computer Programming 3,
    §5.2.2, algorithm M)."""
    found, p = [], 1
    while p < count:
        k = p
        while k >= 1:
            pairs = [
                (i + j, i + j + k)
                for j in range(k % p, count - k, 2 * k)
                for i in range(min(k, count - j - k))
                if (i + j) // (2 * p) == (i + j + k) // (2 * p)
            ]
            if pairs:
                left, right = np.asarray(pairs).T
                found.append((left, right))
            k //= 2
        p *= 2
    return found


def _alike(values: Sequence[Array]) -> list[Array]:
    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in values))
    return [jnp.broadcast_to(x, shape) for x in values]


def _difference(a: Array, b: Array) -> Array:
    """a − b, and 0 where both are infinite alike."""
    return jnp.where(a == b, jnp.zeros_like(a), a - b)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("gt", "ge", "lt", "le"), _greater),
    "max": _larger,
    "min": _smaller,
    "abs": _absolute,
    "sign": _sign,
    "clamp": _clamped,
    **dict.fromkeys(("reduce_max", "reduce_min"), _reduced),
    "reduce_window_max": _pooled,
    "sort": _sorted,
}
JUMPS = frozenset(
    "floor ceil round rem argmax argmin top_k approx_top_k cummax cummin nextafter "
    "reduce_window select_and_gather_add".split()
)
