"""Laws made to be taken for what they are not, by somebody who knows the checker."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from ..variants import variants
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


SHORT = [(1e-2, 0.3, 1e-8), (3e-3, 1e-2, 1e-10), (0.1, 1e-3, 1e-9)]


@pytest.mark.parametrize("short", variants(SHORT, slow=SHORT[1:]))
def test_a_law_that_breaks_in_a_short_stretch_of_the_run(short):
    width, height, rtol = short
    model = Bump(jnp.array(0.6), jnp.array(0.7), height, width)
    problem = gf.Problem(model, "mse", (np.ones((1, 1)), np.full((1, 1), 3.0)))
    law = gf.Law(lambda m: m.u**2 - m.v**2, "u² − v²", degree="quadratic")
    options = {"t1": 2.0, "rtol": rtol, "solver": "dopri5", "laws": [law]}
    solution = gf.solve(FLOW, problem, **options)
    assert float(solution.parameters.v) > 1.1
    assert gf.check(solution, law)[law.name].verdict == BROKEN


true = lambda m: (
    jnp.sum(m.layers[1].weight[:, 0] ** 2) - jnp.sum(m.layers[0].weight[0] ** 2)
)
false = lambda m: jnp.sum(m.layers[0].weight)
norm = lambda m: jnp.sqrt(jnp.sum(m.layers[1].weight ** 2))

SAID = {
    "the smaller of two": (
        lambda m: jnp.minimum(true(m), false(m) ** 2 + 30),
        *(HERE, "random points"),
    ),
    "within a ball": (
        lambda m: jnp.where(norm(m) < 20, true(m), jnp.sin(1e14 * false(m))),
        *(HERE, "random points"),
    ),
    "not a number outside of a ball": (
        lambda m: jnp.where(norm(m) < 50, true(m), jnp.nan),
        *(HERE, "random points"),
    ),
    "later than the run": (
        lambda t, m: true(m) + jax.nn.relu(t - 2) ** 2 * false(m),
        *(HERE, "t = "),
    ),
    "1e-295 false": (lambda m: 1e-295 * false(m), BROKEN, ""),
    "1e-295 true": (lambda m: 1e-295 * true(m), CONSERVED, ""),
    "1e-320 false": (lambda m: 1e-320 * false(m), OPEN, "so small"),
    "1e-320 true": (lambda m: 1e-320 * true(m), OPEN, "so small"),
    "a power": (lambda m: false(m) ** 32, BROKEN, ""),
    "a sine of high frequency": (lambda m: jnp.sin(1e9 * false(m)), BROKEN, "rate"),
}


@pytest.fixture(scope="module")
def report():
    problem = weighted(mlp(3, 3, 2, bias=False), "mse", data())
    solution = gf.solve(FLOW, problem, t1=1.0, rtol=1e-9, solver="tsit5")
    laws = [gf.Law(function, name) for name, (function, *_) in SAID.items()]
    text = gf.symbolic("sum(W1)**32")
    return gf.check(solution, [*laws, text], ladder=False)


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of_a_law(report, name):
    _, verdict, note = SAID[name]
    assert report[name].verdict == verdict and note in report[name].note


def test_a_power_that_is_written_as_text(report):
    assert report["sum(W1)**32"].verdict == BROKEN


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


@pytest.mark.parametrize("seed", variants(range(25), slow=range(1, 25)))
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
