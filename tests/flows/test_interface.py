"""What flows say of themselves to laws, discovery and solvers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import (
    IsotropicNoise,
    LearningRate,
    MirrorFlow,
    MomentumFlow,
    NaturalGradientFlow,
    Nesterov,
    PNorm,
    WeightDecay,
    adam,
    sign,
)

from ..annotations import wrong_arguments

X, Y = gf.data.teacher_student(inputs=2, outputs=2, samples=4)
PROBLEM = gf.Problem(
    gf.models.DeepLinear([2, 2, 2], key=jax.random.key(0)), "mse", (X, Y), time_scale=2
)
SADDLE = gf.SaddleFlow("layers[1]", 0.5)
ONE = jnp.ones(())


def decaying(flow, coupled=False):
    return LearningRate(WeightDecay(flow, 0.25, coupled=coupled), 0.5)


def test_rates_and_their_signs():
    for flow, last in [
        (gf.GradientFlow(), 2.0),
        (SADDLE, -2.0),
        (decaying(SADDLE), -2),
    ]:
        rates = jax.tree_util.tree_leaves(flow.law_rates(PROBLEM))
        np.testing.assert_array_equal(
            rates, [np.full((2, 2), 2), np.full((2, 2), last)]
        )
        assert flow.ascends == (last < 0)


@pytest.mark.parametrize(
    "flow, power",
    [
        (gf.GradientFlow(0.1), 0),
        (decaying(gf.GradientFlow()), 0),
        (decaying(gf.GradientFlow(), coupled=True), 0),
        (decaying(NaturalGradientFlow()), 0),
        (decaying(NaturalGradientFlow(), coupled=True), None),
        (SADDLE, 0),
        (decaying(SADDLE, coupled=True), None),
        (decaying(MirrorFlow(dual=False)), 1),
        (decaying(MirrorFlow(), coupled=True), None),
        (decaying(MomentumFlow(), coupled=True), 0),
        (adam(1.0, 2.0), None),
        (sign(0.1), None),
    ],
)
def test_the_metric_of_laws(flow, power):
    assert flow.metric_power("layers[0].weight") == power


def test_the_equation_of_second_order():
    assert gf.GradientFlow().second_order is None
    assert decaying(adam(1.0, 2.0), coupled=True).second_order is None
    flow = WeightDecay(
        decaying(MomentumFlow(3.0, 0.125), coupled=True), lambda t: 4 * t
    )
    motion = flow.second_order
    assert motion and float(motion.friction(0.0)) == 3.0
    # 1/4 coupled inside the learning rate, which does not scale it, and the flow's own.
    assert float(motion.coupled_at(2.0, ONE)) == 0.375
    assert float(motion.decoupled_at(2.0, ONE)) == 8.0


def test_what_discovery_integrates():
    for flow in (gf.GradientFlow(0.1), decaying(NaturalGradientFlow())):
        found = flow.for_discovery()
        assert type(found) is gf.GradientFlow and float(found.weight_decay) == 0
    found = decaying(SADDLE).for_discovery()
    assert type(found) is gf.SaddleFlow and float(found.weight_decay) == 0
    found = LearningRate(MirrorFlow({"layers[0]": "entropy"}), 2.0).for_discovery()
    assert type(found) is MirrorFlow and not found.dual
    assert found.metric_power("layers[0].weight") == 1
    assert decaying(MirrorFlow(), coupled=True).for_discovery() is None
    inner = WeightDecay(MomentumFlow(), 0.1)
    assert LearningRate(inner, 0.5).for_discovery() is inner


def test_metrics_and_domains():
    potentials = {"layers[0]": "log_barrier", "layers[1]": PNorm(1.5)}
    for dual in (False, True):
        flow = LearningRate(MirrorFlow(potentials, dual=dual), 2.0)
        assert flow.metric_power("layers[0].weight") == 2
        assert flow.metric_power("layers[1].weight") is None
        assert flow.metric_power("bias") == 0
        drawn = jax.tree_util.tree_map(lambda p: p - 0.3, PROBLEM.parameters)
        inside = flow.parameters(flow.inside(drawn))
        assert jnp.all(inside.layers[0].weight > 0)
        again = flow.inside(flow.inside(drawn))
        for a, b in zip(*map(jax.tree_util.tree_leaves, (again, flow.inside(drawn)))):
            np.testing.assert_allclose(a, b, rtol=1e-15)
    assert SADDLE.metric_power("layers[0].weight") == 0
    assert SADDLE.inside(drawn) is drawn


def test_clocks_and_frictions():
    names = lambda flow: [name for name, _ in flow.clock()]
    assert names(gf.GradientFlow()) == []
    assert names(adam(1.0, 2.0)) == ["t"]
    assert names(decaying(MomentumFlow(0.0))) == ["t"]
    assert names(decaying(MomentumFlow(0.5))) == ["t", "exp(0.5*t)"]
    assert names(MomentumFlow(lambda t: t)) == ["t"]
    time, factor = (function(2.0) for _, function in MomentumFlow(Nesterov(4)).clock())
    assert (time, float(factor)) == (2.0, 16.0)
    coefficients = lambda flow: flow.friction.coefficients()
    assert coefficients(MomentumFlow(0.5)) == (0.5, 0.0)
    assert coefficients(MomentumFlow(gf.nesterov)) == (0.0, 3.0)
    assert coefficients(MomentumFlow(lambda t: t)) is None


def test_the_short_spelling_of_weight_decay():
    """The same field, bit for bit in θ' of gradient flow, and the same laws."""
    state = PROBLEM.parameters
    for short, flow in [(gf.GradientFlow(0.25), gf.GradientFlow()), (SADDLE, None)]:
        flow = flow or gf.SaddleFlow("layers[1]")
        rate = float(short.weight_decay)
        long = WeightDecay(flow, rate)
        both = [f.vector_field(0.0, state, PROBLEM) for f in (short, long)]
        for a, b in zip(*map(jax.tree_util.tree_leaves, both)):
            np.testing.assert_array_equal(a, b)
        assert float(short.homogeneous_decay()) == float(long.homogeneous_decay())
    assert type(gf.GradientFlow().spelled_with_decay(0.25, True)) is gf.GradientFlow
    assert gf.GradientFlow().spelled_with_decay(lambda t: t, False) is None
    assert MomentumFlow(2.0).spelled_with_decay(0.25, False) is None
    coupled = MomentumFlow(2.0).spelled_with_decay(0.25, True)
    assert coupled and float(coupled.weight_decay) == 0.25
    assert float(coupled.friction(0.0)) == 2.0
    assert MirrorFlow().spelled_with_decay(0.25, True) is None


@wrong_arguments
@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: MomentumFlow("nesterov"), "friction must be a number; got 'nesterov'"),
        (lambda: PNorm(3), "p must be at most 2; got 3"),
        (lambda: PNorm(float("nan")), "p must be above 1 and at most 2; got nan"),
        (lambda: NaturalGradientFlow({}), "damping must be a number; got {}"),
        (lambda: IsotropicNoise(None), "scale must be a number; got None"),
        (lambda: sign("x"), "Sign: eps must be a number; got 'x'"),
    ],
)
def test_what_is_no_number(make, message):
    with pytest.raises(gf.SolveError, match=message):
        make()
