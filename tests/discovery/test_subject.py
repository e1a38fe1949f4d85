"""A problem as discovery sees it, and how often its programs are compiled."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf
from gfflow.discovery.black_box._programs import programs_of
from gfflow.discovery.subject import Constant, subject_of
from gfflow.flows import MirrorFlow, MomentumFlow

from .discovery_models import of_shapes

COMPILED = "/jax/core/compile/backend_compile_duration"
EVENTS: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, _, **__: EVENTS.append(event)
)


def problem(seed=0, samples=9, **options):
    x = jax.random.normal(jax.random.key(100 + seed), (samples, 2))
    model = gf.models.MLP([2, 2, 1], bias=False, key=jax.random.key(seed))
    return gf.Problem(model, "mse", (x, x[:, :1]), **options)


def test_another_start_or_data_set_compiles_nothing():
    first = gf.discover(problem(0))
    compiled = EVENTS.count(COMPILED)
    assert compiled > 0
    second = gf.discover(problem(1))
    assert EVENTS.count(COMPILED) == compiled
    assert first.number == second.number == 2


def test_programs_are_those_of_one_model_flow_and_rates():
    of = lambda *given: programs_of(subject_of(*given))[0]
    still = of(problem(), gf.GradientFlow())
    assert of(problem(3), gf.GradientFlow(0.3)) is still
    assert of(problem(time_scale=2.0), gf.GradientFlow()) is not still
    assert of(problem(trainable=["layers[1]"]), gf.GradientFlow()) is not still
    ball = of(problem(), MomentumFlow(0.5))
    assert of(problem(1), MomentumFlow(0.5)) is ball
    assert of(problem(), MomentumFlow(0.4)) is not ball


def test_constants_are_equal_to_the_bit():
    arrays = lambda x: {"a": jnp.asarray([x]), "f": jnp.tanh}
    assert Constant(arrays(0.0)) == Constant(arrays(0.0))
    assert hash(Constant(arrays(0.0))) == hash(Constant(arrays(0.0)))
    assert Constant(arrays(0.0)) != Constant(arrays(-0.0))
    assert Constant(jnp.zeros(1)) != Constant(jnp.zeros((1, 1)))
    assert Constant(jnp.zeros(1)) != Constant(jnp.zeros(1, jnp.float32))
    assert Constant(1) != Constant(1.0)
    key = lambda seed: Constant(jax.random.key(seed))
    assert key(0) == key(0) and key(0) != key(1)


class Labelled(eqx.Module):
    """With a leaf that cannot be hashed."""

    weight: jax.Array
    labels: set

    def __call__(self, x):
        return self.weight @ x


def test_a_model_that_cannot_be_hashed():
    models = [Labelled(jnp.ones((2, 3)), {"a"}) for _ in range(2)]
    constant = Constant(models[0])
    assert constant == constant and constant != Constant(models[1])
    assert [gf.discover((model, (3,))).number for model in models] == [0, 0]


def test_states_are_put_inside_of_the_domain():
    model = of_shapes(lambda x, U, V: U @ (V @ x), U=(2, 1), V=(1, 2))
    positive = eqx.tree_at(lambda m: m.arrays["U"], model, jnp.abs(model.arrays["U"]))
    data = jnp.ones((3, 2)), jnp.ones((3, 2))
    flow = MirrorFlow({"arrays['U']": "entropy"})
    subject = subject_of(gf.Problem(positive, "mse", data), flow)
    z = np.array([-1.0, 2.0, -3.0, 4.0])
    inside = subject.field.response.inside(jnp.asarray(z))
    np.testing.assert_array_equal(inside, [1.0, 2.0, -3.0, 4.0])
    moving = subject_of(gf.Problem(model, "mse", data), MomentumFlow(0.1))
    z = np.arange(9.0) - 4
    inside = moving.field.response.inside(jnp.asarray(z))
    np.testing.assert_array_equal(inside, z)
