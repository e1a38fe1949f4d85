"""Discovery that starts from the laws that are read off gradients, and what a search
for whole numbers alone would miss."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.discovery.black_box import _black_box
from gfflow.models import MLP, DeepLinear

from ..laws.hand_written import TRUE, model_of

KEY = jax.random.key(0)
X, Y = gf.data.teacher_student(inputs=3, outputs=4, samples=30)


def of_rates(ratio):
    model = DeepLinear([3, 2, 4], key=KEY)
    ones = jtu.tree_map(jnp.ones_like, gf.Problem(model, "mse", (X, Y)).parameters)
    slow = ratio * jnp.ones((2, 3))
    rates = eqx.tree_at(lambda m: m.layers[0].weight, ones, slow)
    return gf.Problem(model, "mse", (X, Y), time_scale=rates)


def test_attention_with_biases():
    """The key bias does not move: nothing but round-off, which the brackets of a
    saturated softmax turn into directions, and a law into none."""
    case = TRUE["attention with biases"]
    found = gf.discover((model_of(case), case.sample), seed=1)
    assert found.number == case.laws == len(found.laws)
    assert found.complete and not found.notes
    assert {"p['bk'][0]", "p['bk'][1]"} <= set(found.expressions.values())


@pytest.mark.parametrize("read_off", [True, False])
@pytest.mark.parametrize("ratio", [np.pi, 1000.0])
def test_rates_of_any_ratio(ratio, read_off, monkeypatch):
    if not read_off:
        monkeypatch.setattr(_black_box, "laws_read_off", lambda *args: [])
    found = gf.discover(of_rates(ratio))
    assert found.number == len(found.laws) == 3 and found.complete
    model = DeepLinear([3, 2, 4], key=jax.random.key(1))
    u, v = model.layers[1].weight, model.layers[0].weight
    balance = np.asarray(ratio * u.T @ u - v @ v.T)[np.triu_indices(2)]
    values = [float(law(0.0, model)) for law in found.laws]
    np.testing.assert_allclose(sorted(values), sorted(balance), rtol=1e-12)


def test_a_law_of_one_monomial(monkeypatch):
    monkeypatch.setattr(_black_box, "laws_read_off", lambda *args: [])
    case = TRUE["difference of squares"]
    found = gf.discover((model_of(case), case.sample))
    wanted = {f"p['u'][{i}]*p['v'][{i}]" for i in range(3)}
    assert set(found.expressions.values()) == wanted and found.complete


def test_a_law_of_a_part_is_refused_elsewhere(monkeypatch):
    """What is read off is tried like all else."""
    read = _black_box.laws_read_off
    false = lambda problem, flow, layout: [
        type(law)({m: abs(c) for m, c in law.terms.items()})
        for law in read(problem, flow, layout)
    ]
    monkeypatch.setattr(_black_box, "laws_read_off", false)
    found = gf.discover((DeepLinear([3, 2, 4], key=KEY), (3,)))
    assert found.number == len(found.laws) == 3
    assert "3 laws" in found.notes[-1] and "do not hold" in found.notes[-1]


def test_a_start_on_the_border_of_regions():
    """With biases of 0 a tenth of noise may turn a unit of the second layer on or off
    for all inputs: 6, 7 or 10 laws, of which 6 hold in all regions."""
    model = MLP([2, 3, 3, 2], key=jax.random.key(2))
    found = gf.discover((model, (2,)))
    assert found.number == len(found.laws) == 6 and found.complete
    assert any("several regions" in note for note in found.notes)


def test_what_was_tried_is_said():
    """Of sin(u) v x: v² + 2 log cos u."""
    from .discovery_models import of_shapes

    model = of_shapes(lambda x, u, v: jnp.sin(u) * v * x, u=(), v=())
    note = gf.discover((model, ())).notes[-1]
    assert "not found" in note and "squares" in note and "are not" not in note


def test_a_rank_that_a_law_contradicts_proves_nothing():
    """A gate alone, whatever is read through it: gradients of a saturated softmax."""
    fn = lambda p, x: jax.nn.softmax(p["g"] @ x) @ p["a"]
    draw = np.random.default_rng(0).standard_normal
    arrays, data = {"g": draw((3, 2)), "a": draw((3, 2))}, (draw((12, 2)),) * 2
    problem = gf.Problem.from_function(fn, arrays, "mse", data)
    found = gf.discover(problem, only=["['g']"])
    assert not found.complete and found.number is None
    assert "2 laws that the gradients show" in found.notes[0]
