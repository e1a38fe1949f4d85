"""What a program may take for a constant."""

from typing import Any, Generic, TypeVar, final

import equinox as eqx
import jax
import jax.tree_util as jtu
import numpy as np

Value = TypeVar("Value")


@final
class Constant(Generic[Value]):
    """A pytree that is equal to another one of the same structure whose arrays are the
    same to the bit and whose other leaves are equal: to look compiled programs up by.

    One with a leaf that cannot be hashed is equal to itself only.
    """

    value: Value

    def __init__(self, value: Value):
        leaves, structure = jtu.tree_flatten(value)
        self.value = value
        self._key: Any = (structure, *map(_key, leaves))
        try:
            self._hash = hash(self._key)
        except TypeError:
            self._key = self._hash = id(self)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constant) and self._key == other._key


def _key(leaf: Any) -> Any:
    if not eqx.is_array(leaf):
        return type(leaf), leaf
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jax.typeof(leaf), np.asarray(jax.random.key_data(leaf)).tobytes()
    return jax.typeof(leaf), np.asarray(leaf).tobytes()
