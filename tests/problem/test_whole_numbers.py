"""Random indices, labels and masks are such as the model and the loss take."""

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.problem import random_inputs, random_targets, whole_inputs

RANDOM = np.random.default_rng(0)
N, T, V, D = 12, 4, 7, 3
FEW = RANDOM.permutation(np.arange(N * T) % 3).reshape(N, T)
REAL = RANDOM.standard_normal((N, D))
TABLE = {"E": (V, D), "P": (T, D)}


def problem_of(fn, shapes, inputs, targets=None, loss="mse"):
    random = np.random.default_rng(1)
    params = {k: jnp.asarray(random.standard_normal(s)) for k, s in shapes.items()}
    if targets is None:
        one = jtu.tree_map(lambda a: jnp.asarray(a)[0], inputs)
        targets = np.ones((N, *jax.eval_shape(fn, params, one).shape))
    return gf.Problem.from_function(fn, params, loss, (inputs, targets))


def drawn(draw, problem):
    leaves = jtu.tree_leaves(draw(np.random.default_rng(2), problem, 400))
    return [np.asarray(leaf) for leaf in leaves]


def clipped(p, x):
    return jnp.take(p["E"], x, axis=0, mode="clip") + p["P"]


def masked(p, x):
    return jnp.where((x >= 0)[:, None], p["E"][x], 0) + p["P"]


def switched(p, x):
    return jnp.where(x[1] == 0, p["A"], p["B"]) @ x[0]


INPUTS = {
    "a table": (lambda p, x: p["E"][x] + p["P"], TABLE, FEW, range(-V, V)),
    "a table row by row": (
        lambda p, x: jax.vmap(lambda i: p["E"][i])(x) + p["P"],
        TABLE,
        FEW + 2,
        range(-V, V),
    ),
    "missing rows are not numbers": (
        lambda p, x: jnp.take(p["E"], x, axis=0) + p["P"],
        TABLE,
        FEW,
        range(-V, V),
    ),
    "a table that clips": (clipped, TABLE, FEW, range(V)),
    "indices that are clipped": (
        lambda p, x: p["E"][jnp.clip(x, 0, V - 1)] + p["P"],
        TABLE,
        FEW,
        range(V),
    ),
    "codes": (
        lambda p, x: jax.nn.one_hot(x, V) @ p["E"] + p["P"],
        TABLE,
        FEW,
        range(V),
    ),
    "padding that is not in the data": (masked, TABLE, FEW, range(V)),
    "padding": (masked, TABLE, FEW - 1, range(-1, V)),
    "padding beyond the table": (
        lambda p, x: p["E"][x] + p["P"],
        TABLE,
        np.where(FEW == 2, 100, FEW),
        {*range(-V, V), 100},
    ),
    "numbers": (
        lambda p, x: jnp.tanh(p["E"].T[:, :T] @ x.astype(float)),
        TABLE,
        FEW,
        range(-16, 17),
    ),
    "numbers of which there are roots": (
        lambda p, x: jnp.tanh(p["E"].T[:, :T] @ jnp.sqrt(x.astype(float))),
        TABLE,
        FEW,
        range(17),
    ),
}


@pytest.mark.parametrize("name", INPUTS)
def test_of_inputs(name):
    """All of the data and of what is taken beyond them, and no others."""
    fn, shapes, x, wanted = INPUTS[name]
    (found,) = drawn(random_inputs, problem_of(fn, shapes, x))
    assert found.dtype == jnp.asarray(x).dtype and set(np.unique(found)) == {*wanted}


def test_bytes():
    """None below 0, and some above those of the data."""
    fn = lambda p, x: jnp.tanh(p["W"] @ (x.astype(float) / 255))
    problem = problem_of(fn, {"W": (2, T)}, (50 * FEW).astype(np.uint8))
    (found,) = drawn(random_inputs, problem)
    assert found.dtype == np.uint8 and found.max() > 200


def test_positions_that_index_different_tables():
    x = np.stack([np.arange(N) % 2, np.arange(N) % 9], axis=1)
    fn = lambda p, x: p["A"][x[0]] + p["B"][x[1]]
    (found,) = drawn(random_inputs, problem_of(fn, {"A": (3, D), "B": (10, D)}, x))
    assert [(a.min(), a.max()) for a in found.T] == [(-3, 2), (-10, 9)]


def test_real_numbers_of_which_only_whole_parts_are_read():
    x = np.concatenate([np.arange(N)[:, None] % 2, REAL], axis=1)
    fn = lambda p, x: p["A"][x[0].astype(int)] + p["B"] @ x[1:]
    problem = problem_of(fn, {"A": (3, D), "B": (D, D)}, x)
    (found,) = drawn(random_inputs, problem)
    assert set(np.unique(found[:, 0])) == {*range(-3, 3)}
    assert found.dtype == x.dtype and np.all(found[:, 1:] % 1)
    ones = whole_inputs(np.random.default_rng(0), problem, jnp.full((50, 1 + D), 9.5))
    assert np.all(ones[:, 0] % 1 == 0) and np.all(ones[:, 1:] == 9.5)


def test_what_is_all_alike_is_drawn_where_it_reaches_more():
    """A switch of which the data show one way."""
    shapes = {"A": (2, D), "B": (2, D)}
    _, switch = drawn(
        random_inputs, problem_of(switched, shapes, (REAL, np.zeros(N, int)))
    )
    assert set(np.unique(switch)) == {-1, 0, 1}


def test_a_mask_of_nothing_is_not_drawn():
    mean = lambda p, x: jnp.where(x[1], p["E"] @ x[0], 0).sum() / x[1].sum(dtype=float)
    mask = np.arange(2 * N).reshape(N, 2) % 3 > 0
    problem = problem_of(mean, {"E": (2, D)}, (REAL, mask), np.ones(N))
    _, found = drawn(random_inputs, problem)
    assert len(np.unique(found, axis=0)) == 3 and np.all(found.any(axis=1))


def ignoring(z, y):
    return jnp.where(y == -100, 0.0, jax.nn.logsumexp(z) - z[y])


LABELS = np.arange(N) % 3
TARGETS = {
    "labels": ("softmax_cross_entropy", LABELS, range(-5, 5)),
    "codes of labels": (
        lambda z, y: jax.nn.logsumexp(z) - z[:5] @ jax.nn.one_hot(y, 5),
        LABELS,
        range(5),
    ),
    "real labels": (
        lambda z, y: ignoring(z, y.astype(int)),
        LABELS * 1.0,
        range(-5, 5),
    ),
    "labels that are ignored": (
        ignoring,
        np.where(LABELS == 2, -100, LABELS),
        {-100, *range(-5, 5)},
    ),
    "signs": (
        lambda z, y: gf.losses.logistic(z[0], y),
        np.arange(N) % 2,
        range(2),
    ),
    "one number": (
        lambda z, y: jnp.sum((z - y.astype(float)) ** 2),
        np.zeros(N, int),
        range(-12, 13),
    ),
}


@pytest.mark.parametrize("name", TARGETS)
def test_of_targets(name):
    loss, y, wanted = TARGETS[name]
    problem = problem_of(lambda p, x: p["W"] @ x, {"W": (5, D)}, REAL, y, loss)
    (found,) = drawn(random_targets, problem)
    assert found.dtype == jnp.asarray(y).dtype and set(np.unique(found)) == {*wanted}


@pytest.mark.parametrize("dtype", [int, float])
@pytest.mark.parametrize("shape", [(N, 3), (N, T, 3)])
def test_probabilities_and_codes(shape, dtype):
    """Rows that add up to one, of any leading shape."""
    y = np.eye(3)[RANDOM.integers(0, 3, shape[:-1])].astype(dtype)
    fn = lambda p, x: jnp.broadcast_to(p["a"], shape[1:])
    problem = problem_of(fn, {"a": (3,)}, REAL, y)
    (found,) = drawn(random_targets, problem)
    assert found.shape == (400, *shape[1:]) and found.dtype == y.dtype
    np.testing.assert_allclose(found.sum(axis=-1), 1)
    assert np.all(found >= 0) and len(np.unique(found)) > (100 if dtype is float else 1)
    assert np.linalg.matrix_rank(found.reshape(-1, 3)) == 3


def test_the_laws_of_an_embedding():
    """Σ_v E[v, :] − Σ_t P[t, :]: each position has one token."""
    fn = INPUTS["a table row by row"][0]
    x = RANDOM.permutation(np.arange(N * 2) % 3).reshape(N, 2)
    y = RANDOM.standard_normal((N, 2, 2))
    problem = problem_of(fn, {"E": (4, 2), "P": (2, 2)}, x, y)
    flow = gf.GradientFlow()
    (law,) = laws = gf.known_laws(problem, flow)
    value = np.ravel(law(0.0, problem.model))
    p = problem.model.params
    np.testing.assert_allclose(np.abs(value), np.abs(p["P"].sum(0) - p["E"].sum(0)))
    assert laws.note == ""
    found = gf.discover(problem)
    assert found.complete and found.number == 2
    solution = gf.solve(flow, problem, t1=0.1, rtol=1e-7, solver="tsit5")
    unseen = gf.Law(lambda m: m.params["E"][3], "a row that is not seen")
    report = gf.check(solution, [law, unseen], ladder=False)
    assert report[law.name].verdict == "conserved"
    assert report[unseen.name].verdict == "conserved-on-this-data"
