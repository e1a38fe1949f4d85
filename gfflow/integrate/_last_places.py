"""The number some units in the last place before another, in a few operations."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

# Where Diffrax takes `prevbefore` from; it does so 100 times, to know which end of a
# step is as good as the end of the solve.
_LOOP = diffrax._integrate
_GIVEN = getattr(_LOOP, "eqxi", None)
_WHOLE = {2: np.int16, 4: np.int32, 8: np.int64}


@contextmanager
def counted_at_once() -> Iterator[None]:
    """While a solve of Diffrax is traced: `prevbefore` of `prevbefore` of x, and so on,
    is counted off x at once.

    XLA makes some twenty operations of each, one after another: more than half of the
    program of a small solve, and of the time to compile it. The numbers are the same. A
    Diffrax that takes it from elsewhere compiles as it did.
    """
    if _GIVEN is None:
        yield
        return
    before = _LOOP.eqxi
    _LOOP.eqxi = _Counting()
    try:
        yield
    finally:
        _LOOP.eqxi = before


@final
class _Counting:
    """What Diffrax imports as `eqxi`, with another `prevbefore`."""

    def __init__(self):
        self._origin, self._count, self._result = None, 0, None

    def __getattr__(self, name: str) -> Any:
        return getattr(_GIVEN, name)

    def prevbefore(self, x: Array) -> Array:
        """The number before x."""
        if self._origin is None or x is not self._result:
            self._origin, self._count = x, 0
        self._count += 1
        self._result = places_before(self._origin, self._count)
        return self._result


def places_before(x: Float[Array, "..."], count: int) -> Float[Array, "..."]:
    """The number so many units in the last place before x: as that of `prevbefore` in
    Equinox, which passes from 0 to the normal number below it.

    The bits of a positive number, read as a whole number, count the numbers up to it,
    and those of a negative one down to it. Of a positive x that is no further than that
    from 0 it is 0. One program serves for all counts.
    """
    return _places_before(x, np.asarray(count, _WHOLE[x.dtype.itemsize]))


@jax.custom_jvp
def _counted(x, count):
    whole = _WHOLE[x.dtype.itemsize]
    bits = lambda y: jax.lax.bitcast_convert_type(y, whole)
    number = lambda n: jax.lax.bitcast_convert_type(n, x.dtype)
    size, least = bits(jnp.abs(x)), bits(jnp.finfo(x.dtype).tiny)
    below = number(jnp.maximum(size - count, whole(0)))
    further = number(jnp.maximum(size, least - whole(1)) + count)
    return jnp.where(x > 0, below, -further)


@_counted.defjvp
def _as_far_apart(primals, tangents):
    return _counted(*primals), tangents[0]


_places_before = jax.jit(_counted)
