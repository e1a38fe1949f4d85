"""That what the annotations of gfflow do not admit fails a test."""

import jax.numpy as jnp
import pytest
from jaxtyping import Array, Float, PyTree, TypeCheckError, jaxtyped

import gfflow as gf

from .annotations import checked, wrong_arguments


@jaxtyped(typechecker=checked)
def scaled(tree: PyTree[Float[Array, " n"]], by: float | None) -> Float[Array, " n"]:
    return jnp.concatenate([tree[0], tree[0]]) if by is None else by * tree[0]


def test_arguments_leaves_and_result():
    one = jnp.ones(3)
    assert scaled([one, one], 2).shape == (3,)
    for wrong in ([one, jnp.ones(2)], [one, 1.0], [one, jnp.ones((3, 1))]):
        with pytest.raises(TypeCheckError):
            scaled(wrong, 2.0)
    with pytest.raises(TypeCheckError, match="'by'"):
        scaled([one], "2")
    with pytest.raises(TypeCheckError, match="return value"):
        scaled([one], None)


def test_gfflow_is_checked():
    with pytest.raises(TypeCheckError, match="widths"):
        gf.models.MLP("32", key=None)


@wrong_arguments
def test_a_mistake_on_purpose_meets_the_function():
    assert scaled([jnp.ones(3)], jnp.asarray(2.0)).shape == (3,)
