"""The operations that make kinks, as choices between two sides.

Each takes the values that go in and a way to ask for the gate of a margin (`None` for
one that is left to the program), and gives what comes out.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import JaxprEqn
from jaxtyping import Array

from ._gates import mixed, truth
from ._unreadable import Unreadable

Ask = Callable[[Array, Array], Array | None]
Rule = Callable[[JaxprEqn, Sequence[Array], Ask], Any]


def _greater(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    name = equation.primitive.name
    if name in ("lt", "le"):
        a, b = b, a
    gate = _asked(ask, a, b, a > b if name in ("gt", "lt") else a >= b)
    return truth(gate)


def _larger(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    return mixed(_asked(ask, a, b, a > b), a, b)


def _smaller(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    a, b = _alike(values)
    return mixed(_asked(ask, b, a, b > a), a, b)


def _absolute(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    (a,) = values
    return mixed(_taken(ask(a, a > 0), a > 0), a, -a)


def _sign(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    (a,) = values
    one = jnp.ones_like(a)
    return mixed(_taken(ask(a, a > 0), a > 0), one, -one)


def _clamped(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    low, x, high = values
    low, high = (jnp.broadcast_to(bound, x.shape) for bound in (low, high))
    above = _asked(ask, x, low, x > low)
    below = _asked(ask, high, x, high > x)
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
    """The largest, or the least, of each window: that of the array's shifts."""
    (x,) = values
    p, largest = equation.params, equation.primitive.name == "reduce_window_max"
    fill = jnp.asarray(-jnp.inf if largest else jnp.inf, x.dtype)
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
    return _tournament(jnp.stack(shifts), largest, ask)


def _running(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    """The largest so far, or the least, by rounds of shifts twice as long each."""
    (x,) = values
    p, largest = equation.params, equation.primitive.name == "cummax"
    rows = jnp.moveaxis(x, p["axis"], 0)
    rows = rows[::-1] if p["reverse"] else rows
    step = 1
    while step < len(rows):
        a, b = rows[step:], rows[:-step]
        rows = jnp.concatenate([rows[:step], _better(a, b, largest, ask)])
        step *= 2
    rows = rows[::-1] if p["reverse"] else rows
    return jnp.moveaxis(rows, 0, p["axis"])


def _tournament(rows: Array, largest: bool, ask: Ask) -> Array:
    while len(rows) > 1:
        half = len(rows) // 2
        a, b, left = rows[:half], rows[half : 2 * half], rows[2 * half :]
        rows = jnp.concatenate([_better(a, b, largest, ask), left])
    return rows[0]


def _better(a: Array, b: Array, largest: bool, ask: Ask) -> Array:
    first, second = (a, b) if largest else (b, a)
    return mixed(_asked(ask, first, second, first > second), a, b)


def _sorted(equation: JaxprEqn, values: Sequence[Array], ask: Ask) -> Any:
    """By Batcher's odd–even merge sort: comparators that exchange, in rounds."""
    axis, keys = equation.params["dimension"], values[0]
    rows = [jnp.moveaxis(x, axis, 0) for x in values]
    for left, right in _rounds(keys.shape[axis]):
        a, b = rows[0][left], rows[0][right]
        gate = _asked(ask, b, a, b > a)
        for i, row in enumerate(rows):
            a, b = row[left], row[right]
            low, high = mixed(gate, a, b), mixed(gate, b, a)
            rows[i] = row.at[left].set(low).at[right].set(high)
    return [jnp.moveaxis(row, 0, axis) for row in rows]


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


def _asked(ask: Ask, a: Array, b: Array, bit: Array) -> Array:
    """The gate of a > b, or a ≥ b.

    Where both are infinite alike there is no kink: the margin is infinite too.
    """
    forever = jnp.where(bit, jnp.inf, -jnp.inf).astype(a.dtype)
    margin = jnp.where((a == b) & jnp.isinf(a), forever, a - b)
    return _taken(ask(margin, bit), bit)


def _taken(gate: Array | None, bit: Array) -> Array:
    return bit if gate is None else gate


def kinks_of(equation: JaxprEqn) -> int:
    """How many gates a rule asks for.

    **Raises:** `Unreadable` for an order by several keys.
    """
    name, p = equation.primitive.name, equation.params
    shape = equation.invars[0].aval.shape  # pyright: ignore
    if name == "clamp":
        return 2
    if name in ("reduce_max", "reduce_min"):
        return _halvings(math.prod(shape[i] for i in p["axes"]))
    if name in ("reduce_window_max", "reduce_window_min"):
        return _halvings(math.prod(p["window_dimensions"]))
    if name in ("cummax", "cummin"):
        return _halvings(shape[p["axis"]])
    if name == "sort":
        if p["num_keys"] > 1:
            raise Unreadable("'sort' by several keys")
        return len(_rounds(shape[p["dimension"]]))
    return 1


def _halvings(count: int) -> int:
    return max(count - 1, 0).bit_length()


RULES: dict[str, Rule] = {
    **dict.fromkeys(("gt", "ge", "lt", "le"), _greater),
    "max": _larger,
    "min": _smaller,
    "abs": _absolute,
    "sign": _sign,
    "clamp": _clamped,
    **dict.fromkeys(("reduce_max", "reduce_min"), _reduced),
    **dict.fromkeys(("reduce_window_max", "reduce_window_min"), _pooled),
    **dict.fromkeys(("cummax", "cummin"), _running),
    "sort": _sorted,
}
JUMPS = frozenset(
    "floor ceil round rem argmax argmin top_k approx_top_k nextafter lt_to le_to "
    "reduce reduce_window select_and_gather_add select_and_scatter "
    "select_and_scatter_add scatter_max scatter_min pmax pmin".split()
)
