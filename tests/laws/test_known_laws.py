"""Laws read off gradients: models that no reader of layers knows, and false laws."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import gfflow as gf

from ..variants import variants
from .hand_written import NONE, TRUE, Case, Written, model_of

FLOW = gf.GradientFlow()
QUICK = (
    "attention with biases",
    "difference of squares",
    "grouped queries along one axis",
    "linear layers of one array",
    "scales 1 + γ read by two maps",
    "softmax",
    "units in another order",
)


def problem_of(case: Case, samples: int = 8, **options) -> gf.Problem:
    random = np.random.default_rng(1)
    inputs = random.standard_normal((samples, *case.sample))
    targets = random.standard_normal((samples, *case.output))
    if case.loss == "softmax_cross_entropy":
        targets = random.dirichlet(np.ones(case.output), samples)
    if case.trainable:
        options["trainable"] = list(case.trainable)
    return gf.Problem(model_of(case), case.loss, (inputs, targets), **options)


def gradients_of_laws(laws, problem: gf.Problem, parameters) -> np.ndarray:
    """One row a component."""
    flat, unravel = ravel_pytree(parameters)

    def values(x):
        model = problem.model_at(unravel(x))
        return jnp.concatenate([jnp.ravel(law(0.0, model)) for law in laws])

    return np.asarray(jax.jacobian(values)(flat))


def weigh(problem: gf.Problem, laws, rates=1.0):
    """The rank of the laws' gradients at a random point, and how far they are from
    orthogonal to the field there, in units of the terms."""
    random = np.random.default_rng(7)
    draw = lambda x: jnp.asarray(random.standard_normal(x.shape))
    parameters = jax.tree_util.tree_map(draw, problem.parameters)
    rows = gradients_of_laws(laws, problem, parameters)
    field = ravel_pytree(problem.scaled(problem.gradient(parameters)))[0]
    terms = np.abs(rows) @ np.abs(field) + 1e-300
    # A constant of the flow has no terms but round-off.
    off = np.abs(rows @ field) / np.maximum(terms, 1e-3 * np.linalg.norm(field))
    return np.linalg.matrix_rank(rows, 1e-8), np.max(off)


@pytest.mark.parametrize("name", variants(list(TRUE), slow=set(TRUE) - set(QUICK)))
def test_the_laws_of_a_model_written_by_hand(name):
    """As many as theory says, each of them one, and none follows from the others."""
    problem = problem_of(TRUE[name])
    laws = gf.known_laws(problem, FLOW)
    rank, off = weigh(problem, laws)
    assert rank == TRUE[name].laws
    assert sum(np.size(law(0.0, problem.model)) for law in laws) == rank
    assert off < 1e-12


def test_a_list_that_may_be_incomplete_says_so():
    """u³ − v³ by index: 1/u + 1/v is no polynomial."""
    fn = lambda p, x: ((p["p"][0] ** 3 - p["p"][1] ** 3) @ x)[None]
    data = np.random.default_rng(0).standard_normal((6, 3)), np.ones((6, 1))
    model = Written({"p": jnp.asarray([[1.0, 2.0, 0.5], [0.7, 1.1, 2.0]])}, fn)
    found = gf.known_laws(gf.Problem(model, "mse", data), FLOW)
    assert found == [] and "room for 3 independent laws, and 0 are named" in found.note


def test_what_moves_at_few_places_is_no_constant():
    """A path through gates that are open at one of 64 signs of their parameters."""

    def fn(p, x):
        gate = jnp.prod(jnp.where(p["gates"] > 0, 1.0, 0.0))
        return jnp.tanh(p["w"] @ x) + gate * jnp.tanh(p["u"] @ x)

    params = {"w": jnp.ones((1, 3)), "u": jnp.ones((1, 3)), "gates": -jnp.ones(6)}
    data = np.random.default_rng(0).standard_normal((6, 3)), np.ones((6, 1))
    found = gf.known_laws(gf.Problem.from_function(fn, params, "mse", data), FLOW)
    assert [law.name for law in found] == ["constants of ['gates']"]
    assert "constants of ['u']" in found.note


@pytest.mark.parametrize("name", variants(list(NONE), slow=list(NONE)[:-1]))
def test_no_law_where_there_is_none(name):
    found = gf.known_laws(problem_of(NONE[name]), FLOW)
    assert found == []


class Detached(eqx.Module):
    """Layers that can be read, and are not called as they stand."""

    net: gf.models.MLP
    how: str = eqx.field(static=True)

    def __call__(self, x):
        first, last = self.net.layers
        hidden = first(x)
        if self.how == "detached":
            return last(jax.nn.relu(jax.lax.stop_gradient(hidden)))
        if self.how == "sorted":
            return last(jnp.sort(hidden) * jnp.arange(1.0, 1 + len(hidden)))
        if self.how == "penalised":
            return last(jax.nn.relu(hidden)) + jnp.sum(first.weight**2)
        return last(jax.nn.relu(hidden)) + hidden[:2]


HOWS = ["detached", "sorted", "penalised", "read"]


@pytest.mark.parametrize("how", variants(HOWS, slow=HOWS[2:]))
def test_layers_that_are_not_called_as_they_stand(how):
    """No law that only the names of the layers tell."""
    x = np.random.default_rng(0).standard_normal((6, 3))
    net = gf.models.MLP([3, 4, 2], key=jax.random.key(0))
    problem = gf.Problem(Detached(net, how), "mse", (x, np.ones((6, 2))))
    found = gf.known_laws(problem, FLOW)
    if found:
        rank, off = weigh(problem, found)
        assert off < 1e-12 and rank == sum(
            np.size(law(0.0, problem.model)) for law in found
        )


def test_rates_and_decay():
    """Of each parameter, in no simple ratio."""
    case = TRUE["difference of squares"]
    rates = np.array([1.0, np.pi, 1e3])
    problem = problem_of(case, time_scale={"p['u']": rates, "p['v']": rates})
    flow = gf.GradientFlow(weight_decay=0.25)
    laws = gf.known_laws(problem, flow)
    rank, off = weigh(problem, laws)
    assert rank == 3 and off < 1e-12
    assert all(law.decay_rate == 0.5 for law in laws)


def test_arrays_of_no_entries_and_no_axes():
    """A scalar before two vectors: s² − ‖u‖² and s² − ‖v‖²."""
    fn = lambda p, x: (p["s"] * jnp.sum(p["u"] * x[:2]) * jnp.sum(p["v"] * x[2:]))[None]
    arrays = {"s": jnp.asarray(1.5), "u": jnp.ones(2), "v": jnp.ones(2)}
    model = Written(arrays | {"none": jnp.zeros((0, 2))}, fn)
    data = np.random.default_rng(0).standard_normal((6, 4)), np.ones((6, 1))
    problem = gf.Problem(model, "mse", data)
    found = gf.known_laws(problem, FLOW)
    rank, off = weigh(problem, found)
    assert rank == 2 and off < 1e-12


def test_a_law_near_the_parameters_only():
    """Two units whose input weights share a sign are one linear network there."""
    fn = lambda p, x: p["u"] @ jax.nn.relu(p["v"] @ x)
    model = Written({"u": jnp.ones((1, 2)), "v": jnp.array([[7.0], [11.0]])}, fn)
    data = np.linspace(-1, 1, 6)[:, None], np.ones((6, 1))
    problem = gf.Problem(model, "mse", data)
    found = gf.known_laws(problem, FLOW)
    assert "room for 3 independent laws, and 2 are named" in found.note
    # What holds anywhere is the rescaling of each unit.
    (law,) = found
    u, v = np.ones(2), np.array([7.0, 11.0])
    np.testing.assert_allclose(np.abs(law(0.0, model)), np.abs(u**2 - v**2))
