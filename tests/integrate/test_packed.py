"""A module that is flattened once."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.integrate import prepare
from gfflow.integrate._packed import Packed, packed

from ..analytic import product_problem


class Scaled(eqx.Module):
    """An array, a number that no program may change, and a field of any kind."""

    weight: jax.Array
    factor: Any
    tag: object = eqx.field(static=True, default="")

    def times(self, x):
        return self.factor * self.weight * x


def scaled(factor: object = 2.0, tag: object = "") -> Scaled:
    return Scaled(jnp.arange(3.0), factor, tag)


def test_the_module_comes_back():
    module = Packed.of(scaled()).module
    assert eqx.tree_equal(module, scaled())
    core = prepare(gf.GradientFlow(), product_problem(), t1=1.0).core
    assert eqx.tree_equal(Packed.of(core).module, core)


@pytest.mark.parametrize("tag", ["", {}], ids=["hashable", "not hashable"])
def test_the_compiled_method_is_the_method(tag):
    module = scaled(tag=tag)
    assert np.array_equal(
        packed(Scaled.times)(Packed.of(module), 3.0), [0.0, 6.0, 12.0]
    )


def test_one_program_for_equal_modules_and_another_for_another():
    traced = []

    def times(module: Scaled, x):
        traced.append(module.factor)
        return module.times(x)

    compiled, x = packed(times), jnp.asarray(1.0)
    for factor in (2.0, 2.0, 2, 3.0, 2.0):
        value = compiled(Packed.of(scaled(factor)), x)
        assert value[1] == factor
    assert [*map(repr, traced)] == ["2.0", "2", "3.0"]
