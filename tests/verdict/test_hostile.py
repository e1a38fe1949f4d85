"""Laws made to be taken for what they are not, by somebody who knows the checker."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from .truth_cases import SAMPLES, data, mlp, weighted

FLOW = gf.GradientFlow()
CONSERVED, HERE = gf.Verdict.CONSERVED, gf.Verdict.CONSERVED_ON_THIS_DATA
BROKEN, OPEN = gf.Verdict.BROKEN, gf.Verdict.INCONCLUSIVE


class Bump(eqx.Module):
    """u·(relu(z) + A W exp(−((z − 1)/W)²)) of z = vx: homogeneous but near z = 1."""

    u: jax.Array
    v: jax.Array
    height: float = eqx.field(static=True)
    width: float = eqx.field(static=True)

    def __call__(self, x):
        z = self.v * x[0]
        bump = jnp.exp(-(((z - 1) / self.width) ** 2))
        return self.u * (jax.nn.relu(z) + self.height * self.width * bump)[None]


@pytest.mark.parametrize(
    "width, height, rtol", [(1e-2, 0.3, 1e-8), (3e-3, 1e-2, 1e-10), (0.1, 1e-3, 1e-9)]
)
def test_a_law_that_breaks_in_a_short_stretch_of_the_run(width, height, rtol):
    model = Bump(jnp.array(0.6), jnp.array(0.7), height, width)
    problem = gf.Problem(model, "mse", (np.ones((1, 1)), np.full((1, 1), 3.0)))
    law = gf.Law(lambda m: m.u**2 - m.v**2, "u² − v²", degree="quadratic")
    options = {"t1": 2.0, "rtol": rtol, "solver": "dopri5", "laws": [law]}
    solution = gf.solve(FLOW, problem, **options)
    assert float(solution.parameters.v) > 1.1
    assert gf.check(solution, law)[law.name].verdict == BROKEN


@pytest.fixture(scope="module")
def run():
    problem = weighted(mlp(3, 3, 2, bias=False), "mse", data())
    solution = gf.solve(FLOW, problem, t1=1.0, rtol=1e-9, solver="tsit5")
    return lambda *laws: list(gf.check(solution, laws, ladder=False).values())


true = lambda m: (
    jnp.sum(m.layers[1].weight[:, 0] ** 2) - jnp.sum(m.layers[0].weight[0] ** 2)
)
false = lambda m: jnp.sum(m.layers[0].weight)
norm = lambda m: jnp.sqrt(jnp.sum(m.layers[1].weight ** 2))

OF_A_REGION = {
    "the smaller of two": lambda m: jnp.minimum(true(m), false(m) ** 2 + 30),
    "within a ball": lambda m: jnp.where(
        norm(m) < 20, true(m), jnp.sin(1e14 * false(m))
    ),
    "not a number outside of a ball": lambda m: jnp.where(
        norm(m) < 50, true(m), jnp.nan
    ),
}


@pytest.mark.parametrize("name", OF_A_REGION)
def test_a_law_of_a_region_is_none_of_all_space(run, name):
    (found,) = run(gf.Law(OF_A_REGION[name], name))
    assert found.verdict == HERE and "random points" in found.note


def test_a_law_of_a_time_is_none_of_all_times(run):
    late = lambda t, m: true(m) + jax.nn.relu(t - 2) ** 2 * false(m)
    (found,) = run(gf.Law(late, "late"))
    assert found.verdict == HERE and "t = " in found.note


@pytest.mark.parametrize("factor, verdict", [(1e-295, BROKEN), (1e-320, OPEN)])
def test_the_scale_of_a_law_is_nothing_of_its_own(run, factor, verdict):
    small = gf.Law(lambda m: factor * false(m), "small")
    kept = gf.Law(lambda m: factor * true(m), "small and true")
    found = run(small, kept)
    assert found[0].verdict == verdict
    assert found[1].verdict == (CONSERVED if verdict == BROKEN else OPEN)


def test_a_power_of_a_false_law_is_false(run):
    found = run(
        gf.Law(lambda m: false(m) ** 32, "power"), gf.symbolic("sum(W1)**32", "text")
    )
    assert [law.verdict for law in found] == [BROKEN, BROKEN]


def test_a_false_law_of_high_frequency(run):
    (found,) = run(gf.Law(lambda m: jnp.sin(1e9 * false(m)), "sine"))
    assert found.verdict == BROKEN and "rate" in found.note


class Head(eqx.Module):
    """Attention of one head of width 1, with biases of query and key."""

    q: jax.Array
    k: jax.Array
    v: jax.Array
    q_bias: jax.Array
    k_bias: jax.Array

    def __call__(self, x):
        scores = jnp.outer(x @ self.q + self.q_bias, x @ self.k + self.k_bias)
        return jnp.mean(jax.nn.softmax(scores, axis=-1) @ (x @ self.v), keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_attention_with_biases(seed):
    """The key's bias moves nothing: softmax takes it out of each row."""
    random = np.random.default_rng(seed)
    draw = lambda *shape: jnp.asarray(random.standard_normal(shape))
    model = Head(draw(3), draw(3), draw(3), draw(), draw())
    data = draw(SAMPLES, 4, 3), draw(SAMPLES, 1)
    solution = gf.solve(
        FLOW, weighted(model, "mse", data), t1=0.5, rtol=1e-9, solver="tsit5"
    )
    laws = [
        gf.Law(lambda m: m.q @ m.q + m.q_bias**2 - m.k @ m.k, "query and key"),
        gf.Law(lambda m: m.k_bias, "key bias"),
        gf.Law(lambda m: m.q @ m.q + m.q_bias**2 - 1.000001 * (m.k @ m.k), "nearly"),
    ]
    both, bias, nearly = gf.check(solution, laws, ladder=False, seed=seed).values()
    assert both.verdict == CONSERVED and both.resolution < 1e-13
    assert bias.verdict == CONSERVED and "constant of the flow" in bias.note
    assert nearly.verdict == BROKEN
