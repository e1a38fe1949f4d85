"""Cases of the corpus that weigh the same laws of the same networks on other data.

What is compiled for one of them serves for all of its kind.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf
from gfflow.laws import balancedness

from .truth_cases import (
    ANY,
    FALSE,
    FLOW,
    FOLLOWS,
    HERE,
    LOOSE,
    TRUE,
    UNCLEAR,
    VALUE,
    Case,
    case,
    data,
    every,
    labels,
    mlp,
    weighted,
)
from .truth_models import Normalised, normal


def symbolic(*texts):
    return [gf.symbolic(text) for text in texts]


def claims(problem, laws, truths):
    """The known laws are true, and the others what is said of them by name."""
    assert truths.keys() <= {law.name for law in laws}
    known = every(gf.known_laws(problem, FLOW), TRUE)
    return [*known, *((law, truths.get(law.name, ANY)) for law in laws)]


_stopped = lambda m: jax.lax.stop_gradient(jnp.sum(m.layers[0].weight ** 2))
_second = lambda m: jnp.sum(m.layers[1].weight ** 2)
_few = lambda m: jnp.floor(1e-3 * jnp.sum(m.layers[0].weight ** 2) + 0.5)
_many = lambda m: jnp.floor(1e3 * jnp.sum(m.layers[0].weight ** 2))

NEAR = f"sum(W2[:,0]**2) - {LOOSE}*sum(W1[0,:]**2)"
OTHER_UNIT = "sum(W2[:,0]**2) - sum(W1[1,:]**2)"
OFF_DIAGONAL = "sum(W2[:,0]*W2[:,1]) - sum(W1[0,:]*W1[1,:])"
TRACE = "trace(W2.T@W2) - squared_norm(W1)"
QUARTIC = "(sum(W2[:,0]**2) - sum(W1[0,:]**2))**2 + 1"
PLUS = "sum(W2[:,0]**2) + sum(W1[0,:]**2)"
DEEP_LAWS = [
    *symbolic(OFF_DIAGONAL, TRACE, QUARTIC, OTHER_UNIT, NEAR, PLUS, "W1[0,0]"),
    gf.Law(_stopped, "stopped"),
    gf.Law(_many, "floor"),
    gf.Law(lambda m: _stopped(m) - _second(m), "half"),
]


@case
def deep_linear() -> Case:
    model = gf.models.DeepLinear([3, 4, 2], key=jax.random.key(0))
    problem = weighted(model, "mse", data())
    truths = {OFF_DIAGONAL: TRUE, TRACE: TRUE, QUARTIC: TRUE, "half": VALUE}
    false = dict.fromkeys(
        [OTHER_UNIT, NEAR, PLUS, "W1[0,0]", "stopped", "floor"], FALSE
    )
    return Case(problem, claims(problem, DEEP_LAWS, truths | false))


@case
def trained_to_round_off() -> Case:
    model = gf.models.DeepLinear([3, 4, 2], key=jax.random.key(0))
    x = normal(20, 16, 3)
    problem = weighted(model, "mse", (x, x @ normal(21, 3, 2)))
    truths = {OTHER_UNIT: FALSE}
    return Case(problem, claims(problem, DEEP_LAWS, truths), t1=300.0, rtol=1e-7)


WITHOUT_BIAS = "sum(W2[:,0]**2) - sum(W1[0,:]**2)"
WITH_BIAS = f"abs({WITHOUT_BIAS} - b1[0]**2)"
WITH_TIME = f"{WITHOUT_BIAS} - b1[0]**2 + 1e-6*t"
COLUMN = "sum(W1[:,2]**2)"
RELU_LAWS = symbolic(
    WITHOUT_BIAS, WITH_BIAS, WITH_TIME, COLUMN, "W1[0,2]", "sum(W2**2)", "sum(b1)"
)


def relu_case(problem, truths):
    laws = [*balancedness(problem, FLOW), *RELU_LAWS]
    return Case(problem, claims(problem, laws, {WITH_BIAS: TRUE} | truths))


@case
def relu() -> Case:
    problem = weighted(mlp(3, 3, 2), "mse", data())
    false = [law.name for law in balancedness(problem, FLOW)]
    false += [law.name for law in RELU_LAWS if law.name != WITH_BIAS]
    return relu_case(problem, dict.fromkeys(false, FALSE))


@case
def silent_input() -> Case:
    x, y = data()
    problem = weighted(mlp(3, 3, 2), "mse", (x.at[:, 2].set(0.0), y))
    return relu_case(problem, {COLUMN: HERE, "W1[0,2]": HERE, WITH_TIME: FALSE})


@case
def weight_decay() -> Case:
    flow = gf.GradientFlow(weight_decay=1e-5)
    problem = weighted(mlp(3, 3, 2), "mse", data())
    (stated,) = gf.known_laws(problem, flow)
    plain = gf.Law(stated.fn, "undecayed", degree="quadratic", absolute=stated.absolute)
    other = gf.Law(stated.fn, "decays too fast", decay_rate=2.02e-5)
    return Case(
        problem, [(stated, FOLLOWS), (plain, FALSE), (other, FALSE)], flow, t1=1.0
    )


NORM = "sum(W1**2)"
OVER_ONE = f"({WITHOUT_BIAS})/(100000000-99999999)"
WITH_EXP = f"({WITHOUT_BIAS})*exp(-9*t)*exp(9*t)"
PLUS_OVER_ONE = f"({PLUS})/(100000000-99999999)"
PLAIN_LAWS = [
    *symbolic(NEAR, NORM, OVER_ONE, WITH_EXP, PLUS_OVER_ONE),
    gf.Law(_few, "floor of little"),
    gf.Law(_stopped, "stopped"),
]


def plain_model(key=0):
    return mlp(3, 3, 2, bias=False, key=key)


def plain_case(data, truths, model=None, **options):
    """Of a network without biases."""
    problem = weighted(plain_model() if model is None else model, "mse", data)
    return Case(problem, claims(problem, PLAIN_LAWS, truths), **options)


@case
def single_precision() -> Case:
    single = lambda tree: jax.tree_util.tree_map(
        lambda a: jnp.asarray(a, jnp.float32) if eqx.is_inexact_array(a) else a, tree
    )
    truths = {NEAR: FALSE}
    return plain_case(single(data()), truths, single(plain_model()), rtol=1e-5)


@case
def large_data() -> Case:
    return plain_case(data(scale=1e3), {NEAR: FALSE}, t1=1e-7)


@case
def small_data() -> Case:
    return plain_case(data(scale=1e-3), {NEAR: FALSE}, t1=3e3)


@case
def all_zero_start() -> Case:
    zero = jax.tree_util.tree_map(
        lambda a: jnp.zeros_like(a) if eqx.is_array(a) else a, plain_model()
    )
    return plain_case(data(), {NORM: HERE}, zero)


@case
def start_at_a_minimum() -> Case:
    model, (x, _) = plain_model(), data()
    return plain_case((x, jax.vmap(model)(x)), {NORM: HERE})


@case
def start_near_a_minimum() -> Case:
    model, (x, _) = plain_model(), data()
    y = jax.vmap(model)(x) + 1e-9 * normal(40, 16, 2)
    return plain_case((x, y), {NORM: FALSE}, rtol=1e-12)


@case
def a_unit_of_tiny_weights_and_a_loose_run() -> Case:
    small = lambda m: (m.layers[0].weight, m.layers[1].weight)
    first, second = map(np.array, small(plain_model()))
    first[0] *= 1e-7
    second[:, 0] *= 1e-7
    model = eqx.tree_at(small, plain_model(), (jnp.asarray(first), jnp.asarray(second)))
    return plain_case(data(), {}, model, t1=1.0, rtol=1e-6)


@case
def constant_that_cancels() -> Case:
    truths = {OVER_ONE: TRUE, WITH_EXP: TRUE, PLUS_OVER_ONE: FALSE}
    return plain_case(data(), truths | {NEAR: FALSE, NORM: FALSE, "stopped": FALSE})


@case
def jump_that_the_run_does_not_cross() -> Case:
    return plain_case(data(), {"floor of little": HERE}, t1=0.01)


@case
def short_run_of_a_stopped_law() -> Case:
    return plain_case(data(), {"stopped": FALSE}, t1=1e-7)


LAST_ROW = f"W1[0,0] + W1[1,0] + {LOOSE}*W1[2,0]"
SOFTMAX_LAWS = symbolic("sum(W1[0,:])", LAST_ROW)


def softmax_case(problem, truths, **options):
    return Case(problem, claims(problem, SOFTMAX_LAWS, truths), **options)


@case
def softmax_regression() -> Case:
    model = eqx.nn.Linear(3, 3, key=jax.random.key(5))
    problem = weighted(model, "softmax_cross_entropy", labels())
    return softmax_case(problem, {"sum(W1[0,:])": FALSE, LAST_ROW: FALSE}, t1=2.0)


@case
def separable_softmax_trained_long() -> Case:
    model = eqx.nn.Linear(3, 3, key=jax.random.key(5))
    problem = weighted(model, "softmax_cross_entropy", labels())
    return softmax_case(problem, {"sum(W1[0,:])": FALSE}, t1=1e5, rtol=1e-6)


@case
def one_sample_of_softmax_at_its_fit() -> Case:
    model = eqx.nn.Linear(3, 3, key=jax.random.key(5))
    x = normal(20, 1, 3, scale=3.0)
    model = eqx.tree_at(lambda m: m.bias, model, jnp.array([33.0, 0.3, -0.2]))
    problem = gf.Problem(model, "softmax_cross_entropy", (x, jnp.array([0])))
    return softmax_case(problem, {}, t1=1e8)


LENGTH = gf.Law(lambda m: jnp.sum(m.weight**2), "norm", degree="quadratic")
COLUMNS = gf.Law(lambda m: jnp.sum(m.weight, axis=0), "columns", degree="linear")


def normalised_case(model, data, length, columns=TRUE, **options):
    problem = weighted(model, "mse", data, trainable=lambda m: m.weight)
    return Case(problem, [(LENGTH, length), (COLUMNS, columns)], **options)


@case
def layer_norm() -> Case:
    return normalised_case(Normalised(0.0), data(), TRUE)


@case
def layer_norm_with_epsilon() -> Case:
    return normalised_case(Normalised(1e-5), data(), FALSE)


@case
def epsilon_hidden_by_the_scale_of_the_data() -> Case:
    return normalised_case(Normalised(1e-5), data(scale=1e5), HERE)


@case
def normalisation_of_two_units() -> Case:
    """LayerNorm of two units is ±1: the gradient is nothing but round-off."""
    return normalised_case(Normalised(0.0, units=2), data(), ANY, UNCLEAR)


@case
def normalisation_far_from_the_origin() -> Case:
    """Pre-activations near 10⁶ with a spread of 1 lose six digits in the mean."""
    x, y = data()
    model = Normalised(0.0)
    weight = np.array(model.weight)
    weight[:, 2] += 1e6
    model = eqx.tree_at(lambda m: m.weight, model, jnp.asarray(weight))
    return normalised_case(model, (x.at[:, 2].set(1.0), y), ANY, rtol=1e-12)
