"""A law of some of the components of another."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._law import Law, called


class _Some(eqx.Module):
    """The entries of h at `which`, in one row."""

    fn: Callable[..., Array]
    which: tuple[int, ...] = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __call__(self, t, view) -> Float[Array, " n"]:
        value = jnp.ravel(called(self.fn, self.name, t, view))
        return value[np.asarray(self.which)]


def some_components(law: Law, which: Bool[np.ndarray, "..."]) -> Law:
    """The components of a law where `which` is true, in one row, without its symmetry:
    `part of` what it was."""
    index = tuple(np.flatnonzero(which).tolist())
    some = lambda fn: None if fn is None else _Some(fn, index, law.name)
    return Law(
        _Some(law.fn, index, law.name),
        f"part of {law.name}",
        degree=law.degree,
        absolute=some(law.absolute),
        decay_rate=law.decay_rate,
        production=some(law.production),
        source=law.source,
    )
