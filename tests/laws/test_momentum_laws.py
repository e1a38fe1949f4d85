"""Laws of momentum flows, and laws that state how they change."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.flows import Friction, LearningRate, MomentumFlow, WeightDecay
from gfflow.laws import momentum_of, rotation

from ..variants import variants

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=3, outputs=2, samples=16)
# As many samples as `check` draws, with weights: its programs serve for both.
EQUAL = {"weights": np.ones(16)}
LINEAR = gf.Problem(
    gf.models.DeepLinear([3, 3, 2], bias=True, key=KEY), "mse", (X, Y), **EQUAL
)
RELU = gf.Problem(
    gf.models.MLP([3, 2, 2], key=KEY),
    "softmax_cross_entropy",
    (X, jnp.argmax(Y, 1)),
    **EQUAL,
)
DECAY = lambda t: 0.2 / (1 + t)

FLOWS = {
    "free": MomentumFlow(),
    "heavy ball": MomentumFlow(0.5),
    "nesterov": MomentumFlow(gf.nesterov),
    "μ unknown": MomentumFlow(lambda t: 1 / (1 + t)),
    "coupled, λ(t), η(t)": LearningRate(
        WeightDecay(MomentumFlow(0.5), DECAY, coupled=True), lambda t: 1 / (1 + t)
    ),
    "decoupled": WeightDecay(MomentumFlow(0.5), DECAY),
}


def weighed(problem, flow, others=(), *, t1=1.0, ladder=False):
    """The known laws, which keep to what they state, and others."""
    known = gf.known_laws(problem, flow)
    solution = gf.solve(flow, problem, t1=t1, rtol=1e-9, solver="tsit5")
    report = gf.check(solution, [*known, *others], ladder=ladder)
    for law in known:
        found = report[law.name]
        assert found.rate < 1e-14 and found.general_rate < 1e-14
        assert found.max_drift < 1e-8
    return report


@functools.cache
def linear(name):
    heavy = name == "heavy ball"
    return weighed(LINEAR, FLOWS[name], t1=3.0 if heavy else 1.0, ladder=heavy)


@functools.cache
def relu(name):
    """With half of what makes a quadratic law move, and that law at rest."""
    flow = FLOWS[name]
    (law,) = gf.laws.rescaling(RELU, gf.GradientFlow())
    (right,) = momentum_of(law, flow)
    half = lambda t, phase: right.production(t, phase) / 2
    wrong = gf.Law(right.fn, "wrong", degree="other", production=half)
    return weighed(RELU, flow, [wrong, law.on_model()])


@pytest.mark.parametrize(
    "name",
    variants(list(FLOWS)[1:], slow=list(FLOWS)[2:]),
)
def test_linear_units(name):
    """Rotations are constant, but for what decays in θ' or where μ is not known."""
    found = linear(name)
    changes = name in ("decoupled", "μ unknown")
    turning = "predicted-decay" if changes else "conserved"
    assert found["rotation of layers[0] → layers[1]"].verdict == turning
    assert ("momentum of balancedness of layers[0] → layers[1]" in found) == (
        name != "decoupled"
    )


@pytest.mark.parametrize(
    "name", variants(["nesterov", "coupled, λ(t), η(t)"], slow=("coupled, λ(t), η(t)",))
)
def test_translations_and_rescaling(name):
    found = relu(name)
    conserved = {law for law in found if found[law].verdict == "conserved"}
    sums = {"column sums of layers[1].weight", "sum of layers[1].bias"}
    moving = {f"momentum of {law}" for law in sums}
    resting = {f"resting point of {law}" for law in sums}
    assert conserved == (moving | resting if name == "nesterov" else set())
    assert (
        found["momentum of rescaling of layers[0] → layers[1]"].verdict
        == "predicted-decay"
    )


def test_a_wrong_prediction_is_broken():
    found = relu("nesterov")
    assert (
        found["wrong"].verdict
        == found["rescaling of layers[0] → layers[1]"].verdict
        == "broken"
    )


def test_time_dependent_decay_is_predicted():
    for flow in (
        WeightDecay(gf.GradientFlow(), DECAY),
        LearningRate(WeightDecay(gf.GradientFlow(0.1), 0.2), DECAY),
    ):
        found = weighed(LINEAR, flow)
        assert {str(law.verdict) for law in found.values()} == {"predicted-decay"}


def test_the_ladder_of_a_prediction():
    """The drift of h − ∫p dt falls with the tolerance, at the order of the solver."""
    report = linear("heavy ball")["momentum of balancedness of layers[0] → layers[1]"]
    assert str(report.verdict) == "predicted-decay"
    assert abs(report.order - 5) < 1.5 and report.limit < 1e-10


def test_frictions_know_their_factors():
    for flow in (FLOWS["free"], FLOWS["heavy ball"], FLOWS["nesterov"]):
        friction = flow.friction
        t = jnp.asarray(1.7)
        slope = jax.grad(friction.coasting_time)(t)
        np.testing.assert_allclose(slope, friction(t) * friction.coasting_time(t) - 1)
        np.testing.assert_allclose(jnp.exp(friction.log_factor(t)), friction.factor(t))
    own = Friction(lambda t: 2 * t, lambda t: jnp.exp(t**2))
    np.testing.assert_allclose(own.log_factor(1.5), 2.25)


def test_bad_input():
    law = gf.known_laws(LINEAR, gf.GradientFlow())[0]
    with pytest.raises(gf.LawError, match="rotation is a law of MomentumFlow"):
        rotation(LINEAR, gf.GradientFlow())
    with pytest.raises(gf.LawError, match="momentum_of is for MomentumFlow"):
        momentum_of(law, gf.GradientFlow())
    with pytest.raises(gf.LawError, match="linear or quadratic"):
        momentum_of(gf.Law(law.fn, "cubic", degree="polynomial"), MomentumFlow())
    with pytest.raises(gf.LawError, match="not both"):
        gf.Law(law.fn, decay_rate=1.0, production=law.fn)
    with pytest.raises(gf.SolveError, match="production"):
        gf.solvers.Projected(
            gf.solvers.RadauIIA(3), [gf.Law(law.fn, "x", production=law.fn)]
        )


def test_frozen_parameters_do_not_move():
    problem = gf.Problem(
        LINEAR.model, "mse", (X, Y), trainable=["layers[0].weight", "layers[1].weight"]
    )
    # The hidden biases are frozen at 0, where the symmetry of the weights keeps them.
    turning, moving = gf.known_laws(problem, MomentumFlow())
    assert turning.name == "rotation of layers[0] → layers[1]"
    assert moving.name == "momentum of balancedness of layers[0] → layers[1]"
    norm = gf.Law(lambda m: jnp.sum(m.layers[0].weight ** 2), degree="quadratic")
    (momentum,) = momentum_of(norm, MomentumFlow())
    phase = MomentumFlow().view(MomentumFlow().initial_state(problem), problem)
    moving = eqx.tree_at(lambda p: p.velocity.layers[0].weight, phase, jnp.ones((3, 3)))
    expected = 2 * jnp.sum(problem.model.layers[0].weight)
    np.testing.assert_allclose(momentum(0.0, moving), expected)
