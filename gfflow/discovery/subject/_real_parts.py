"""Complex arrays as pairs of real ones."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree


def real_parts(tree: PyTree[Array]) -> PyTree[Array]:
    """Each complex array z as the array of (Re z, Im z), others as they are."""
    return jtu.tree_map(lambda z: jnp.stack([z.real, z.imag]) if _is(z) else z, tree)


def from_real_parts(parts: PyTree[Array], like: PyTree) -> PyTree[Array]:
    """What `real_parts` was made of, with the dtypes of `like`."""
    return jtu.tree_map(lambda x, z: jax.lax.complex(*x) if _is(z) else x, parts, like)


def _is(z) -> bool:
    return jnp.issubdtype(z.dtype, jnp.complexfloating)
