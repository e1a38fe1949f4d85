"""Paths of parameters: one grammar, for any pytree, wherever a path is taken."""

import dataclasses
from fractions import Fraction
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.discovery.polynomials import Layout, Polynomial, formula
from gfflow.problem import (
    below,
    joined,
    named_leaves,
    named_parameters,
    nearest,
    parse_path,
)

W = jnp.arange(6.0).reshape(2, 3) + 1
V = jnp.arange(4.0).reshape(2, 2) - 5


class Pair(NamedTuple):
    first: Any
    second: Any


@jtu.register_dataclass
@dataclasses.dataclass
class Data:
    left: Any
    right: Any


@jtu.register_pytree_node_class
class Unkeyed:
    """Its attributes are not in the order of its children, nor public."""

    def __init__(self, weight, bias):
        self._weight, self.bias = weight, bias

    def tree_flatten(self):
        return (self.bias, self._weight), None

    @classmethod
    def tree_unflatten(cls, _, children):
        bias, weight = children
        return cls(weight, bias)


@jtu.register_pytree_node_class
class Strict(Unkeyed):
    """Takes arrays alone."""

    def __init__(self, weight, bias):
        super().__init__(jnp.asarray(weight), jnp.asarray(bias))


class Held(eqx.Module):
    """Any pytree of a 2 x 3 and a 2 x 2 matrix as a model: both act in turn."""

    tree: Any

    def __call__(self, x):
        first, second = sorted(jtu.tree_leaves(self.tree), key=lambda a: -a.size)
        return second @ (first @ x)


def apply(variables, x):
    """As Flax's `Module.apply`."""
    first, second = (variables["params"][f"Dense_{i}"]["kernel"] for i in (0, 1))
    return x @ first @ second


def flax():
    dense = {"Dense_0": {"kernel": W.T}, "Dense_1": {"kernel": V.T}}
    return jtu.Partial(apply, {"params": dense})


FLAX = [
    "args[0]['params']['Dense_0']['kernel']",
    "args[0]['params']['Dense_1']['kernel']",
]
TREES = {
    "dict": ({"b c": V, "a": W}, ["tree['a']", "tree['b c']"]),
    "haiku": (
        {"mlp/~/linear_0": {"w": W}, "mlp/~/linear_1": {"w": V}},
        ["tree['mlp/~/linear_0']['w']", "tree['mlp/~/linear_1']['w']"],
    ),
    "quotes": ({"it's": W, 'a "b"\n': V}, ["tree['a \"b\"\\n']", 'tree["it\'s"]']),
    "numbers": ({1: W, -2: V}, ["tree[-2]", "tree[1]"]),
    "tuples": ({("a", 1): W, ("b", 2): V}, ["tree[('a', 1)]", "tree[('b', 2)]"]),
    "other keys": ({1.5: W, 2.5: V}, ["tree['1.5']", "tree['2.5']"]),
    "keyword": ({"lambda": W, "x.y": V}, ["tree['lambda']", "tree['x.y']"]),
    "list": ([W, [V]], ["tree[0]", "tree[1][0]"]),
    "named tuple": (Pair(W, {"a": V}), ["tree.first", "tree.second['a']"]),
    "dataclass": (Data(W, (V,)), ["tree.left", "tree.right[0]"]),
    "unkeyed": (Unkeyed(W, [V]), ["tree.bias[0]", "tree._weight"]),
    "partial": (
        jtu.Partial(apply, W, second={"a": V}),
        ["tree.args[0]", "tree.keywords['second']['a']"],
    ),
}
CASES = {name: (Held(tree), paths) for name, (tree, paths) in TREES.items()}
CASES["flax"] = (flax(), FLAX)


def problem_of(model, **options):
    x = jnp.eye(3)
    return gf.Problem(model, "mse", (x, jnp.ones((3, 2))), **options)


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


def test_every_tree_has_readable_paths(case):
    model, paths = case
    problem = problem_of(model)
    assert problem.parameter_names == paths
    assert list(named_parameters(problem.model)) == paths
    assert len({parse_path(path) for path in paths}) == len(paths)
    assert problem_of(model, trainable=paths[:1]).parameter_names == paths[:1]


def test_a_class_that_takes_arrays_alone_is_named():
    with pytest.raises(gf.ProblemError, match="tree_unflatten"):
        problem_of(Held(Strict(W, V)))


def test_a_path_does_not_depend_on_the_leaves():
    same = Unkeyed(W, W)
    assert list(named_parameters(same)) == ["bias", "_weight"]
    assert list(named_parameters(Unkeyed(W, None))) == ["_weight"]
    assert [path for path, _ in named_leaves(Strict(W, W))] == ["[0]", "[1]"]


def test_formulas_over_any_path_are_read_back(case):
    model, paths = case
    arrays = named_parameters(model)
    layout = Layout(tuple(arrays), tuple(a.shape for a in arrays.values()))
    flat = np.concatenate([np.ravel(a) for a in arrays.values()])
    squares = {(i, i): Fraction(i < layout.offsets[1] or -2) for i in range(len(flat))}
    mixed = {(0, layout.offsets[1]): Fraction(1, 3), (1,): Fraction(-1)}
    for terms in (squares, mixed):
        text = formula(Polynomial(terms), layout)
        wanted = sum(float(c) * np.prod(flat[list(m)]) for m, c in terms.items())
        law = gf.symbolic(text)
        assert law.degree == "quadratic"
        np.testing.assert_allclose(law(jnp.asarray(0.0), model), wanted, rtol=1e-13)


def test_laws_take_slices_and_aliases_of_any_path(case):
    model, paths = case
    array = named_parameters(model)[paths[1]]
    law = gf.symbolic(
        f"sum({paths[1]}[:, 1].T) - mine[0, -1]", names={"mine": paths[1]}
    )
    wanted = array[:, 1].sum() - array[0, -1]
    np.testing.assert_allclose(law(jnp.asarray(0.0), model), wanted, rtol=1e-14)
    with pytest.raises(gf.LawError, match="there are: "):
        gf.symbolic(f"{paths[0]}['none']")(jnp.asarray(0.0), model)


def test_a_name_and_a_text_are_one_step():
    other = "args[0].params['Dense_0'].kernel"
    assert problem_of(flax(), trainable=other).parameter_names == FLAX[:1]
    at = jnp.asarray(0.0)
    value = gf.symbolic(f"{other}[0, 1]**2")(at, flax())
    np.testing.assert_allclose(value, W.T[0, 1] ** 2)
    named = gf.symbolic("k[0, 1]", names={"k": 'args[0]["params"].Dense_1["kernel"]'})
    assert named(at, flax()) == V.T[0, 1]


def test_flows_and_discovery_take_any_path():
    problem = problem_of(flax())
    ascent = gf.SaddleFlow("args[0].params.Dense_1")
    first, second = jtu.tree_leaves(ascent.signed(problem.parameters))
    assert jnp.all(first == W.T) and jnp.all(second == -V.T)
    table = {"": "entropy", "args[0]['params']": "euclidean", FLAX[0]: "log_barrier"}
    mirror = gf.MirrorFlow(table)
    kinds = [type(mirror.potential_of(path)).__name__ for path in FLAX]
    assert kinds == ["LogBarrier", "Euclidean"]


def test_a_path_of_the_model_goes_before_an_alias():
    class Model(eqx.Module):
        W1: jax.Array
        layer: eqx.nn.Linear

    layer = eqx.nn.Linear(2, 2, use_bias=False, key=jax.random.key(0))
    model = Model(V, layer)
    assert gf.symbolic("W1[1,1]")(jnp.asarray(0.0), model) == V[1, 1]


def test_the_grammar():
    assert below("a.b", "a['b']") and not below("a.bc", "a.b") and below("a", "")
    assert joined("a", "[0]", "", "b") == "a[0].b"
    assert nearest("a['long name'].b", ["", "a.x", "a", "a['long name']"]) == (
        "a['long name']"
    )
    assert nearest("a", ["b"]) is None
    for text in ("a + b", "f(x)", "a[:]", "a[0.5]", "3", "a.", "[1, 2]"):
        assert parse_path(text) is None


def test_what_is_discovered_is_read_back():
    dense = {"Dense_0": {"kernel": W.T[:1, :1]}, "Dense_1": {"kernel": V.T[:1, :1]}}
    model = jtu.Partial(apply, {"params": dense})
    x = jnp.ones((3, 1))
    problem = gf.Problem(model, "mse", (x, x))
    found = gf.discover(problem, gf.GradientFlow(), only="args[0].params")
    (law,) = found.laws
    assert found.complete and set(found.supports[law.name]) == set(FLAX)
    at = jnp.asarray(0.0)
    again = gf.symbolic(found.expressions[law.name])
    np.testing.assert_allclose(again(at, model), law(at, model), rtol=1e-14)
