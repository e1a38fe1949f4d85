"""The way back to the laws along the symmetries of ReLU and linear networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.laws import balancedness, known_laws, rescaling
from gfflow.solvers.projection._balancing import balanced
from gfflow.solvers.projection._gauss_newton import restored
from gfflow.solvers.projection._rescaling import rescaled
from gfflow.solvers.projection._way_back import way_back

from ..variants import tuples
from .projections import FLOW, network


def square_relu(z):
    return jax.nn.relu(z) ** 2


@pytest.mark.parametrize(
    "widths, activation, scale",
    [
        ([3, 5, 2], "relu", 1.0),
        ([3, 5, 2], "leaky_relu", 7.0),
        ([3, 5, 2], square_relu, 1.0),
        ([3, 5, 4, 6, 2], "relu", 1.0),
        ([3, 5, 4, 2], square_relu, 1.0),
        ([3, 5, 2], "linear", 3.0),
        ([3, 5, 4, 6, 2], "linear", 1.0),
    ],
)
def test_symmetries_restore_laws_and_leave_the_function(widths, activation, scale):
    problem = network(widths, activation, time_scale=scale)
    laws = known_laws(problem, FLOW)
    assert len(laws) == len(widths) - 2
    values = lambda y: [law(0.0, problem.model_at(y)) for law in laws]
    flat = lambda y: jnp.concatenate(values(y))
    function = lambda y: jax.vmap(problem.model_at(y))(problem.inputs)
    shift = lambda a: a + 0.02 * jax.random.normal(jax.random.key(5), a.shape)

    @jax.jit
    def around(y):
        """Of laws and function: what is wanted, before, after, and the scale."""
        start, targets = jtu.tree_map(shift, y), values(y)
        if activation == "linear":
            goal = jnp.concatenate(targets)
            noise = jnp.zeros_like(goal)
            end = restored(flat, start, goal, noise, balanced(laws), 6)
        else:
            end = rescaled(laws, start, targets)
        magnitude = problem.model_at(jtu.tree_map(jnp.abs, start))
        sizes = [law.absolute_value(0.0, magnitude) for law in laws]
        functions = function(start), function(end)
        return [*zip(targets, values(start), values(end), sizes)], functions

    of_laws, (before, after) = jtu.tree_map(np.asarray, around(problem.parameters))
    for wanted, old, new, size in of_laws:
        assert np.max(np.abs(old - wanted) / size) > 1e-3
        assert np.max(np.abs(new - wanted) / size) < 3e-15
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)


def test_the_symmetry_is_used_only_where_there_is_one():
    relu, tanh = network([2, 3, 1]), network([2, 3, 1], "tanh")
    linear = network([2, 3, 1], "linear")
    assert way_back(rescaling(relu, FLOW)) == "rescaling"
    assert way_back(balancedness(linear, FLOW)) == "balancing"
    assert way_back(rescaling(tanh, FLOW)) == "gauss-newton"
    assert way_back(balancedness(relu, FLOW)) == "gauss-newton"
    assert way_back(rescaling(relu, FLOW) * 2) == "gauss-newton"
    other = gf.Law(lambda m: jnp.sum(m.layers[0].weight), "other")
    assert way_back([*rescaling(relu, FLOW), other]) == "gauss-newton"


def test_dead_units_and_laws_out_of_reach():
    """A unit of zeros stays; one whose outgoing weights are zero cannot reach h > 0."""
    problem = network([2, 3, 2], bias=False)
    laws = rescaling(problem, FLOW)
    first, last = (layer.weight for layer in problem.model.layers)
    first, last = first.at[0].set(0.0), last.at[:, :2].set(0.0)
    layers = lambda p: [layer.weight for layer in p.layers]
    start = eqx.tree_at(layers, problem.parameters, [first, last])
    goal = [jnp.array([1.0, 1.0, 0.2])]
    end = rescaled(laws, start, goal)
    total = lambda p: sum(jnp.sum(a) for a in layers(rescaled(laws, p, goal)))
    slopes = layers(jax.grad(total)(start))
    assert all(np.all(np.isfinite(slope)) for slope in slopes)
    new_first, new_last = layers(end)
    np.testing.assert_array_equal(new_first[0], 0.0)
    assert np.all(np.isfinite(new_first)) and np.all(np.isfinite(new_last))
    ratio = new_first[1] / first[1]
    assert np.all((ratio >= np.exp(-1.0) - 1e-12) & (ratio <= 1))
    h = jnp.sum(new_last[:, 2] ** 2) - jnp.sum(new_first[2] ** 2)
    np.testing.assert_allclose(h, 0.2, rtol=1e-13)


@pytest.mark.parametrize(
    "widths, activation",
    tuples(
        [([2, 3, 1], "relu"), ([2, 3, 3, 1], "relu"), ([2, 3, 3, 1], "linear")],
        slow=[([2, 3, 3, 1], "relu")],
    ),
)
def test_derivatives_through_the_symmetries(widths, activation):
    """Of what is restored, by the state and by the goal at once."""
    problem = network(widths, activation, bias=False)
    laws = known_laws(problem, FLOW)
    goals = [1.01 * law(0.0, problem.model) for law in laws]

    def end(scale):
        start = jtu.tree_map(lambda a: scale * a, problem.parameters)
        targets = [scale * h for h in goals]
        if activation == "relu":
            start = rescaled(laws, start, targets)
        else:
            values = lambda y: [law(0.0, problem.model_at(y)) for law in laws]
            flat = lambda y: jnp.concatenate(values(y))
            target = jnp.concatenate(targets)
            noise = jnp.zeros_like(target)
            start = restored(flat, start, target, noise, balanced(laws), 6)
        return sum(jnp.sum(jnp.sin(a)) for a in jtu.tree_leaves(start))

    @jax.jit
    def derivatives(scale):
        there = jax.jvp(end, (scale,), (jnp.ones_like(scale),))[1]
        return there, *jax.value_and_grad(end)(scale)

    step = 1e-5
    _, ahead, _ = derivatives(1.02 + step)
    _, behind, _ = derivatives(1.02 - step)
    there, _, back = derivatives(1.02)
    np.testing.assert_allclose(there, (ahead - behind) / (2 * step), rtol=1e-6)
    np.testing.assert_allclose(back, there, rtol=1e-9)
