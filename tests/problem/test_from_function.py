"""Problems of a pure function and its parameters."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf

from ..annotations import wrong_arguments

random = np.random.default_rng(0)
X, Y = random.standard_normal((9, 3)), random.standard_normal((9, 2))
PARAMS = {
    "one": {"kernel": random.standard_normal((3, 4)), "bias": np.ones(4)},
    "two": {"kernel": random.standard_normal((4, 2))},
    "order": np.arange(4),
}
NAMES = ["['one']['bias']", "['one']['kernel']", "['two']['kernel']"]


def apply(params, x):
    one, two = params["one"], params["two"]
    hidden = jax.nn.relu(one["kernel"].T @ x + one["bias"])
    return two["kernel"].T @ hidden[params["order"]]


def problem_of(**options):
    return gf.Problem.from_function(apply, PARAMS, "mse", (X, Y), **options)


PROBLEM = problem_of()
FLOW = gf.GradientFlow()


def test_the_same_as_by_hand():
    assert PROBLEM.parameter_names == NAMES and PROBLEM.size == 24
    mean = lambda params: jnp.mean((jax.vmap(lambda x: apply(params, x))(X) - Y) ** 2)
    found = PROBLEM.gradient(PROBLEM.parameters).params
    expected = jax.grad(mean, allow_int=True)(jax.tree.map(jnp.asarray, PARAMS))
    for name in ("one", "two"):
        for key, value in expected[name].items():
            np.testing.assert_allclose(found[name][key], value, rtol=1e-12, atol=1e-15)
    assert found["order"] is None
    order = PROBLEM.model.params["order"]
    np.testing.assert_array_equal(order, PARAMS["order"])
    assert isinstance(order, jax.Array)
    assert "apply" in repr(PROBLEM.model) and "kernel" in repr(PROBLEM.model)


def test_laws_of_it():
    """Read, solved for, weighed, discovered; own ones by path and by function."""
    (law,) = gf.known_laws(PROBLEM, FLOW)
    text = "sum(two.kernel[2,:]**2) - sum(['one']['kernel'][:,2]**2) - one.bias[2]**2"
    own = gf.symbolic(text, name="own")
    wrong = gf.Law(lambda m: jnp.sum(m.params["two"]["kernel"] ** 2), "wrong")
    laws = [law, own, wrong]
    solution = gf.solve(
        FLOW, PROBLEM, t1=0.3, rtol=1e-8, solver="dopri5", laws=laws[:1]
    )
    report = gf.check(solution, laws, ladder=False)
    verdicts = [str(report[law.name].verdict) for law in laws]
    assert verdicts == ["conserved", "conserved", "broken"]
    assert report[law.name].count == 4 and report[law.name].max_drift < 1e-8
    found = gf.discover(PROBLEM, FLOW)
    assert found.number == 4 and found.complete
    assert found.laws[0].name.startswith("sum(['two']['kernel'][0,:]**2)")
    end = solution.model.params["two"]["kernel"]
    assert end.shape == (4, 2) and not np.allclose(end, PARAMS["two"]["kernel"])


def test_momentum():
    (law,) = gf.known_laws(PROBLEM, gf.MomentumFlow(1.0))
    assert law.name.startswith("momentum of rescaling")


@pytest.mark.parametrize(
    "trainable, names",
    [
        (["two"], NAMES[2:]),
        ("one.bias", NAMES[:1]),
        (lambda params: (params["one"], params["two"]["kernel"]), NAMES),
        (
            {"one": {"kernel": True, "bias": False}, "two": {"kernel": True}}
            | {"order": False},
            NAMES[1:],
        ),
    ],
)
def test_what_trains(trainable, names):
    assert problem_of(trainable=trainable).parameter_names == names


def test_rates():
    problem = problem_of(time_scale={"one": 2.0})
    assert problem.time_scale.params["one"] == {"kernel": 2.0, "bias": 2.0}
    assert problem.time_scale.params["two"] == {"kernel": 1.0}
    rates = {"a": jnp.ones(2), "b": jnp.asarray(3.0)}
    params = {"a": jnp.ones(2), "b": jnp.ones(3)}
    fn = lambda p, x: jnp.sum(p["a"]) * p["b"] @ x
    data = X, Y[:, 0]
    like = gf.Problem.from_function(fn, params, "mse", data, time_scale=rates)
    np.testing.assert_array_equal(like.time_scale.params["b"], 3.0)


def test_any_pytree_under_vmap():
    """A single array, made inside."""

    def final_loss(key, params):
        problem = gf.Problem.from_function(
            functools.partial(lambda shift, p, x: p @ (x + shift), 0.5),
            params(key),
            "mse",
            (X, Y),
        )
        return gf.solve(FLOW, problem, t1=0.1, rtol=1e-6, solver="dopri5").losses[-1]

    draw = lambda key: jax.random.normal(key, (2, 3))
    keys = jax.random.split(jax.random.key(0), 3)
    many = jax.jit(jax.vmap(lambda key: final_loss(key, draw)))(keys)
    start = np.array([np.mean((Y - (X + 0.5) @ draw(key).T) ** 2) for key in keys])
    assert np.all(many < start) and np.all(many > 0) and len(set(map(float, many))) == 3
    alone = gf.Problem.from_function(lambda p, x: p @ x, draw(keys[0]), "mse", (X, Y))
    assert alone.parameter_names == ["params"]
    several = [draw(keys[0]), None, (jnp.ones(2),)]
    fn = lambda p, x: p[0] @ x + p[2][0]
    listed = gf.Problem.from_function(fn, several, "mse", (X, Y), trainable=["[2]"])
    assert listed.parameter_names == ["[2][0]"]


@wrong_arguments
@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"apply": 3}, "apply is a function, .*got int"),
        ({"apply": type("Own", (dict,), {"__call__": apply})()}, "must be hashable"),
        ({"params": {"a": 1, "b": np.arange(3)}}, "floating-point arrays"),
        ({"apply": lambda p, x: p["three"]}, r"KeyError: 'three'.*apply\(params, x\)"),
        ({"apply": lambda p: 0.0}, "cannot be called on one sample"),
        ({"trainable": ["three"]}, "no parameter of path 'three'"),
        ({"trainable": {"one": True}}, "one boolean for each leaf"),
    ],
)
def test_what_is_refused(wrong, words):
    given = {"apply": apply, "params": PARAMS, "loss": "mse", "data": (X, Y)}
    with pytest.raises(gf.ProblemError, match=words):
        gf.Problem.from_function(**{**given, **wrong})
