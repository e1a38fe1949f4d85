"""Norms of pytrees."""

import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import PyTree

from .._typing import Scalar


def global_norm(tree: PyTree) -> Scalar:
    """The Euclidean norm of all entries together."""
    squares = [jnp.sum(jnp.square(leaf)) for leaf in jtu.tree_leaves(tree)]
    return jnp.sqrt(jnp.sum(jnp.stack(squares)))


def root_mean_square(tree: PyTree) -> Scalar:
    """The root mean square of all entries, as the step-size control takes it."""
    count = sum(leaf.size for leaf in jtu.tree_leaves(tree))
    return global_norm(tree) / count**0.5
