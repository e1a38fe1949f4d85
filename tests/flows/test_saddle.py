"""Saddle flow: a closed form, adversarial training, and laws with signs."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.models import MLP, DeepLinear
from gfflow.solvers import Projected

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=12)


class Bilinear(eqx.Module):
    """x ↦ (u, v)."""

    u: jax.Array
    v: jax.Array

    def __call__(self, x):
        return self.u, self.v


def test_a_bilinear_game_turns_around_its_saddle():
    """L = uv: u' = −2v, v' = u/2 with rates 2 and ½: u²/2 + 2v² is constant, at unit
    angular speed: u = u₀ cos t − 2v₀ sin t."""
    model = Bilinear(jnp.asarray(1.0), jnp.asarray(0.3))
    rates = Bilinear(jnp.asarray(2.0), jnp.asarray(0.5))
    data = jnp.zeros(1), jnp.zeros(1)
    problem = gf.Problem(model, lambda z, _: z[0] * z[1], data, time_scale=rates)
    flow = gf.SaddleFlow("v")
    end = gf.solve(flow, problem, t1=2.0, rtol=1e-10, solver="tsit5").model
    wanted = np.cos(2) - 0.6 * np.sin(2), 0.3 * np.cos(2) + 0.5 * np.sin(2)
    np.testing.assert_allclose([end.u, end.v], wanted, rtol=1e-8)
    decaying = gf.SaddleFlow(["v"], weight_decay=0.25)
    end = gf.solve(decaying, problem, t1=2.0, rtol=1e-10, solver="tsit5").model
    np.testing.assert_allclose([end.u, end.v], np.exp(-0.5) * np.array(wanted), 1e-8)


class Attacked(eqx.Module):
    """A network on inputs that are all moved by one perturbation."""

    net: eqx.Module
    perturbation: jax.Array

    def __call__(self, x):
        return self.net(x + self.perturbation)


def verdicts(flow, problem, laws, t1=0.3):
    solution = gf.solve(flow, problem, t1=t1, rtol=1e-7, solver="bosh3")
    report = gf.check(solution, laws, ladder=False)
    return [r.verdict for r in report.values()]


def test_adversarial_training_keeps_the_laws_of_the_network():
    net = MLP([3, 3, 2], key=KEY)
    problem = gf.Problem(Attacked(net, jnp.zeros(3)), "mse", (X, Y))
    flow = gf.SaddleFlow("perturbation", weight_decay=0.1)
    laws = gf.known_laws(problem, flow)
    assert [law.name for law in laws] == ["rescaling of net.layers[0] → net.layers[1]"]
    assert verdicts(flow, problem, laws) == ["predicted-decay"]
    still = flow.initial_state(problem)
    field = flow.vector_field(0.0, still, problem)
    gradient = problem.gradient(still)
    np.testing.assert_array_equal(field.perturbation, gradient.perturbation)


def test_balancedness_with_a_sign_and_rates():
    """UᵀU/s_U + VVᵀ/s_V where U ascends; without the sign it is no law."""
    model = DeepLinear([3, 2, 2], key=KEY)
    rates = eqx.filter(model, eqx.is_inexact_array)
    rates = eqx.tree_at(
        lambda m: [layer.weight for layer in m.layers],
        rates,
        [jnp.asarray(0.5), jnp.asarray(2.0)],
    )
    problem = gf.Problem(model, "mse", (X, Y), time_scale=rates)
    flow = gf.SaddleFlow("layers[1]")
    [law] = gf.known_laws(problem, flow)
    v, u = (layer.weight for layer in model.layers)
    wanted = -(u.T @ u / 2 + 2 * v @ v.T)[jnp.triu_indices(2)]
    np.testing.assert_allclose(law(0.0, model), wanted, rtol=1e-14)
    size = abs(u).T @ abs(u) / 2 + 2 * abs(v) @ abs(v).T
    positive = jtu.tree_map(lambda x: abs(x) if eqx.is_array(x) else x, model)
    scale = law.absolute_value(0.0, positive)
    np.testing.assert_allclose(scale, size[jnp.triu_indices(2)], rtol=1e-14)
    [unsigned] = gf.known_laws(problem, gf.GradientFlow())
    other = gf.Law(unsigned.fn, "without the sign", degree="quadratic")
    assert verdicts(flow, problem, [law, other]) == ["conserved", "broken"]
    projected = Projected(diffrax.Bosh3(), [law])
    solution = gf.solve(flow, problem, t1=0.3, rtol=1e-3, solver=projected, laws=[law])
    drift = solution.laws[law.name] - solution.laws[law.name][:1]
    assert np.max(np.abs(drift)) < 1e-12


@pytest.mark.slow
def test_rescaling_and_column_sums_with_signs():
    model = MLP([3, 3, 2], key=KEY)
    problem = gf.Problem(model, "softmax_cross_entropy", (X, jnp.arange(12) % 2))
    flow = gf.SaddleFlow(["layers[0].bias", "layers[1].weight"])
    laws = gf.known_laws(problem, flow)
    assert [law.name.split(" of ")[0] for law in laws] == [
        "rescaling",
        "column sums",
        "sum",
    ]
    assert verdicts(flow, problem, laws) == ["conserved"] * 3


def test_discovery():
    model = DeepLinear([2, 2, 2], key=KEY)
    problem = gf.Problem(model, "mse", (X[:, :2], Y))
    found = gf.discover(problem, gf.SaddleFlow("layers[1]"))
    assert found.number == 3 and found.complete
    for law in found.laws:  # of one sign: sums of squares and products
        assert law.degree == "quadratic" and "-" not in law.name, law.name
    with pytest.raises(gf.DiscoveryError, match="exact mode knows .* got SaddleFlow"):
        gf.discover(problem, gf.SaddleFlow("layers[1]"), exact=True)


def test_bad_input():
    problem = gf.Problem(MLP([3, 3, 2], key=KEY), "mse", (X, Y))
    message = r"no parameter of path 'layers\[0\].wieght' \(did you mean 'layers\[0\]"
    with pytest.raises(gf.SolveError, match=message):
        gf.solve(gf.SaddleFlow("layers[0].wieght"), problem, t1=1.0)
    with pytest.raises(gf.SolveError, match="ascent is the path"):
        gf.SaddleFlow([])
    with pytest.raises(gf.SolveError, match="weight_decay must be at least 0"):
        gf.SaddleFlow("layers", -1.0)
