"""Weight decay and learning rates on any flow; mirror flows in dual variables."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import LearningRate, MirrorFlow, MomentumFlow, PNorm, WeightDecay
from gfflow.models import Factorisation

from ..annotations import wrong_arguments
from ..variants import variants

X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=20)
PROBLEM = gf.Problem(
    gf.models.MLP([3, 2, 2], key=jax.random.key(0)), "mse", (X, Y), time_scale=2.0
)
RELU = gf.Problem(
    gf.models.MLP([3, 2, 2], activation="relu", key=jax.random.key(0)), "mse", (X, Y)
)
MATRIX = np.abs(np.random.default_rng(0).standard_normal((4, 3)))
FACTORS = gf.Problem(
    Factorisation(4, 3, 2, key=jax.random.key(0)), "mse", (np.arange(4), MATRIX)
)


def end(flow, problem=PROBLEM, t1=1.0):
    solution = gf.solve(flow, problem, t1=t1, rtol=1e-12, solver="tsit5")
    assert solution.finished
    return flat(solution.parameters)


def flat(tree):
    return np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)])


def test_decay_on_gradient_flow_is_its_own():
    wanted = end(gf.GradientFlow(0.3))
    for coupled in (False, True):
        flow = WeightDecay(gf.GradientFlow(), 0.3, coupled=coupled)
        np.testing.assert_allclose(end(flow), wanted, rtol=1e-10)
    np.testing.assert_allclose(
        end(WeightDecay(MomentumFlow(0.5), 0.3, coupled=True)),
        end(MomentumFlow(0.5, weight_decay=0.3)),
        rtol=1e-10,
    )


def test_a_learning_rate_is_another_time():
    """θ' = −η(t)∇L is gradient flow in the time ∫η."""
    flow = LearningRate(gf.GradientFlow(), lambda t: 1 / (1 + t))
    np.testing.assert_allclose(
        end(flow, t1=3.0), end(gf.GradientFlow(), t1=np.log(4.0)), rtol=1e-9
    )


def test_decay_alone():
    """Where the gradient is switched off, θ = e^{−∫λ}θ(0)."""
    flow = WeightDecay(LearningRate(gf.GradientFlow(), 0.0), lambda t: 2 * t)
    start = flat(PROBLEM.parameters)
    np.testing.assert_allclose(end(flow), np.exp(-1.0) * start, rtol=1e-10)


def test_laws_through_modifiers():
    flow = LearningRate(WeightDecay(gf.NaturalGradientFlow(1e-1), 0.3), 0.5)
    found = gf.discover(PROBLEM, flow)
    assert found.number == 2 and found.complete
    assert all(law.decay_rate == pytest.approx(0.6) for law in found.laws)


def test_coupled_decay_that_is_not_homogeneous_leaves_no_known_laws():
    """−λθ in the gradient is −λθ² under the entropy, and +λφ where φ ascends."""
    for flow, problem in [(MirrorFlow(), FACTORS), (gf.SaddleFlow("layers[1]"), RELU)]:
        assert len(gf.known_laws(problem, flow)) == 1
        decays = WeightDecay(flow, 0.1, coupled=True)
        assert gf.known_laws(problem, decays) == []
        assert gf.known_laws(problem, LearningRate(decays, 0.5)) == []


def test_a_learning_rate_scales_the_decay_coupled_to_it():
    flow = WeightDecay(LearningRate(gf.GradientFlow(), 0.5), 0.3, coupled=True)
    assert float(flow.homogeneous_decay()) == pytest.approx(0.15)
    np.testing.assert_allclose(
        end(flow), end(LearningRate(gf.GradientFlow(0.15), 0.5)), rtol=1e-9
    )
    slows = LearningRate(MomentumFlow(1.0), lambda t: 1 / (1 + t))
    motion = WeightDecay(slows, 0.3, coupled=True).second_order
    assert motion and float(motion.coupled_at(2.0, jnp.ones(()))) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "potential", variants(["entropy", "log_barrier", PNorm(1.5)], ["log_barrier"])
)
def test_dual_and_primal_are_one_flow(potential):
    dual, primal = (MirrorFlow(potential, dual=flag) for flag in (True, False))
    np.testing.assert_allclose(end(dual, FACTORS), end(primal, FACTORS), rtol=1e-9)


def test_dual_variables_keep_the_domain():
    """Columns of zeros: their factors decay, and stay positive."""
    matrix = MATRIX.copy()
    matrix[:, 0] = 0
    problem = gf.Problem(FACTORS.model, "mse", (np.arange(4), matrix), time_scale=50.0)
    solution = gf.solve(MirrorFlow(), problem, t1=100.0, rtol=1e-4, solver="tsit5")
    right = solution.parameters.right
    assert solution.finished and float(jnp.min(right)) > 0
    assert float(jnp.max(right[0])) < 1e-2


def test_factor_sums():
    flow = MirrorFlow()
    (law,) = gf.known_laws(FACTORS, flow)
    solution = gf.solve(flow, FACTORS, t1=1.0, rtol=1e-9, solver="tsit5")
    report = gf.check(solution, law)[law.name]
    assert str(report.verdict) == "conserved" and report.count == 2
    assert report.ladder.evidence  # the state is not what the law is linear in
    moving = MomentumFlow(1.0)
    (law,) = gf.laws.factor_sums(FACTORS, moving)
    solution = gf.solve(moving, FACTORS, t1=1.0, rtol=1e-9, solver="tsit5")
    assert str(gf.check(solution, law, ladder=False)[law.name].verdict) == "broken"
    with pytest.raises(gf.LawError, match="two matrices with as many columns"):
        gf.laws.factor_sums(PROBLEM, flow)


@wrong_arguments
def test_bad_input():
    with pytest.raises(gf.SolveError, match="at least 0; got -1"):
        WeightDecay(gf.GradientFlow(), -1)
    with pytest.raises(gf.SolveError, match="is put on a flow; got str"):
        LearningRate("gradient", 1.0)
    with pytest.raises(gf.SolveError, match="a number or a function"):
        LearningRate(gf.GradientFlow(), "fast")
    with pytest.raises(gf.SolveError, match="a number here; .*WeightDecay"):
        gf.GradientFlow(lambda t: t)
    with pytest.raises(gf.SolveError, match="must be a number; got 'small'"):
        MomentumFlow(1.0, "small")
    with pytest.raises(gf.SolveError, match="dual=False"):
        WeightDecay(MirrorFlow(), 0.1)
    with pytest.raises(gf.DiscoveryError, match="coupled weight decay on MirrorFlow"):
        gf.discover(FACTORS, WeightDecay(MirrorFlow(), 0.1, coupled=True))
