"""Models that hold NumPy's arrays."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf

from ..variants import variants

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.standard_normal((8, 3)), RANDOM.standard_normal((8, 2))
W, V = RANDOM.standard_normal((2, 3)), RANDOM.standard_normal((2, 2))


class Held(eqx.Module):
    arrays: dict[str, np.ndarray | jax.Array]
    size: np.float64 | float = 1.0

    def __call__(self, x):
        hidden = jax.nn.relu(jnp.asarray(self.arrays["w"]) @ x)
        return self.size * (jnp.asarray(self.arrays["v"]) @ hidden)


def function(p, x):
    return Held(p)(x)


MADE = {
    "module": lambda w, v: gf.Problem(Held({"w": w, "v": v}), "mse", (X, Y)),
    "function": lambda w, v: gf.Problem.from_function(
        function, {"w": w, "v": v}, "mse", (X, Y)
    ),
}


@pytest.mark.parametrize("how", variants(list(MADE), slow=["function"]))
def test_the_same_as_arrays_of_jax(how):
    """What trains, its laws, its flow, and where it ends."""
    problem = MADE[how](W, V)
    wanted = MADE[how](jnp.asarray(W), jnp.asarray(V))
    leaves = jax.tree_util.tree_leaves(problem.parameters)
    assert all(isinstance(leaf, jax.Array) for leaf in leaves)
    flow = gf.GradientFlow()
    (law,), (other,) = (gf.known_laws(p, flow) for p in (problem, wanted))
    assert law.name == other.name
    solve = lambda p: gf.solve(flow, p, t1=0.5, rtol=1e-6, solver="tsit5")
    end, other_end = (ravel_pytree(solve(p).parameters)[0] for p in (problem, wanted))
    np.testing.assert_array_equal(end, other_end)
    point = gf.critical_point(problem, problem.parameters, max_iterations=1)
    assert float(point.loss) < float(problem.value(problem.parameters))


def test_in_the_precision_that_jax_has():
    with jax.enable_x64(False):
        problem = MADE["module"](W, jnp.asarray(V))
        gradient = problem.gradient(problem.parameters)
        assert problem.dtype == gradient.arrays["w"].dtype == jnp.float32
        assert problem.size == W.size + V.size


def test_a_number_of_numpy_trains():
    problem = gf.Problem(Held({"w": W, "v": V}, np.float64(2.0)), "mse", (X, Y))
    assert "size" in problem.parameter_names
    assert problem.gradient(problem.parameters).size.shape == ()


@pytest.mark.parametrize("how", MADE)
def test_what_jax_does_not_have(how):
    if np.finfo(np.longdouble).bits <= 64:
        pytest.skip("no numbers longer than float64 here")
    with pytest.raises(gf.ProblemError, match=r"w.*longdouble|float\d+.*float64"):
        MADE[how](W.astype(np.longdouble), V)
