"""Whether a device does what double-double arithmetic needs."""

from fractions import Fraction
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np

from .._errors import SolveError
from . import pairs
from .pairs import Pair, exactly

_E = Fraction("2.7182818284590452353602874713526624977572470936999595749669676")
_TINY, _ENTRIES = 2.0**-52, 37
_LEFT = np.array([1e16, 3.0, -1e16, 1e-12])
_RIGHT = np.array([1.0, 1e-9, 1.0, 1e-3])
_ACCURACY = Fraction(1, 10**30)


def require_exact_arithmetic() -> None:
    """Run the self-test, once a process and device.

    **Raises:** `SolveError` where JAX has no float64, or the device fails.
    """
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise SolveError(
            "extended precision is made of float64 numbers, which are off; put "
            "jax.config.update('jax_enable_x64', True) before the model is made"
        )
    failed = _failures(jax.default_backend())
    if failed:
        raise SolveError(
            f"the device {jax.default_backend()!r} does not round float64 numbers as "
            f"double-double arithmetic needs: wrong are {', '.join(failed)}. Solve on "
            "the CPU: jax.config.update('jax_platforms', 'cpu')"
        )


@cache
def _failures(backend: str) -> tuple[str, ...]:
    with jax.ensure_compile_time_eval():
        found = jax.device_get(jax.jit(_computed)(*map(jnp.asarray, (_LEFT, _RIGHT))))
    return failures(found)


def failures(found: dict[str, Pair]) -> tuple[str, ...]:
    """The names of those that are not, in each entry, what they should be to 1e-30 of
    the numbers that they are made of."""
    products = [Fraction(a) * Fraction(b) for a, b in zip(_LEFT, _RIGHT)]
    one = Fraction(1)
    expected = {
        "a sum": (one + Fraction(1e-20), one),
        "a square": (Fraction(_TINY) ** 2, one),
        "a dot product": (sum(products, Fraction(0)), max(products)),
        "a quotient": (one / 3, one),
        "an exponential": (_E, one),
        "a sum with a constant": (one + Fraction(1e-20), one),
        "a quotient by a constant": (one / 3, one),
    }
    wrong = []
    for name, (exact, size) in expected.items():
        upper, lower = (np.ravel(part) for part in found[name])
        numbers = [
            Fraction(float(a)) + Fraction(float(b))
            if np.isfinite(a + b)
            else Fraction(0)
            for a, b in zip(upper, lower)
        ]
        if any(abs(x - exact) > _ACCURACY * size for x in numbers):
            wrong.append(name)
    return tuple(wrong)


def _computed(left, right) -> dict[str, Pair]:
    """The same numbers in several entries, as kernels for many entries differ from
    those for one."""
    one = exactly(jnp.ones(_ENTRIES) * right[0])
    full = lambda value: jnp.full(_ENTRIES, value)
    near = pairs.add_double(one, full(_TINY))
    square = pairs.multiply(near, near)
    rest = pairs.subtract(square, pairs.add_double(one, full(2 * _TINY)))
    three, tiny = pairs.scaled(one, 3.0), exactly(1e-20 * one.hi)
    spread = lambda x: exactly(jnp.broadcast_to(x, (_ENTRIES, *x.shape)))
    return {
        "a sum": pairs.add_double(one, full(1e-20)),
        "a square": rest,
        "a dot product": pairs.sum_of_products(spread(left), spread(right), (1,)),
        "a quotient": pairs.divide(one, three),
        "an exponential": pairs.exponential(one),
        "a sum with a constant": pairs.add(exactly(full(1.0)), tiny),
        "a quotient by a constant": pairs.divide(one, exactly(full(3.0))),
    }
