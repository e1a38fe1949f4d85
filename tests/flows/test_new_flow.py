"""A flow that gfflow does not have: one class, and one line in the registry."""

import json
from typing import final

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import optax
import pytest

import gfflow as gf
from gfflow import _registry
from gfflow.flows import AbstractFlow

X, Y = gf.data.teacher_student(inputs=2, outputs=1, samples=6)
NET = gf.models.MLP([2, 2, 1], key=jax.random.key(0))
PROBLEM = gf.Problem(NET, "mse", (X, Y))
CONFIG = """\
[problem]
loss = "mse"
[problem.model]
kind = "mlp"
widths = [2, 2, 1]
[problem.data]
kind = "teacher_student"
inputs = 2
outputs = 1
samples = 6
[flow]
kind = "normalised"
eps = 0.1
weight_decay = 0.5
[solver]
name = "tsit5"
t1 = 0.5
[laws]
ladder = false
"""


@final
class NormalisedFlow(AbstractFlow):
    """θ' = −s ∘ ∇L / √(|∇L|² + ε²): gradient flow by the length of its path."""

    eps: float
    affine = False
    stays_in_span = True

    def __init__(self, eps: float = 1e-3):
        self.eps = eps

    def response(self, t, state, gradient, problem):
        return self._divided(problem.scaled(gradient), gradient)

    def _divided(self, tree, gradient):
        square = optax.tree.norm(gradient, squared=True) + self.eps**2
        return jtu.tree_map(lambda x: -x / jnp.sqrt(square), tree)


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(_registry._KINDS, "flows", dict(_registry._KINDS["flows"]))
    entry = "flows", "normalised", __name__, "NormalisedFlow", "at unit speed"
    _registry.register(*entry)


def test_it_is_solved_and_checked():
    """L = w² at unit speed: w falls by t."""
    line = gf.models.DeepLinear([1, 1], key=jax.random.key(0))
    line = jtu.tree_map(lambda w: jnp.full_like(w, 3.0), line)
    fall = gf.Problem(line, "mse", (np.ones((1, 1)), np.zeros((1, 1))))
    end = gf.solve(NormalisedFlow(), fall, t1=1.0, rtol=1e-8, solver="tsit5")
    np.testing.assert_allclose(end.parameters.layers[0].weight, [[2.0]], rtol=1e-6)

    flow = NormalisedFlow()
    [law] = gf.known_laws(PROBLEM, flow)
    assert law.name == "rescaling of layers[0] → layers[1]"
    solution = gf.solve(flow, PROBLEM, t1=0.5, rtol=1e-8, solver="tsit5")
    report = gf.check(solution, law, ladder=False)[law.name]
    assert report.verdict == "conserved"


def test_its_laws_are_found_and_decay():
    flow = gf.flows.WeightDecay(NormalisedFlow(), 0.5)
    found = gf.discover(PROBLEM, flow)
    assert found.number == 2 and found.complete
    assert all(law.decay_rate == pytest.approx(1.0) for law in found.laws)


def test_a_config_names_it(registered, command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    assert command("run", "config.toml", "--json", "--out", "out") == 0
    [law] = json.loads(capsys.readouterr().out)["laws"]
    assert law["name"] == "rescaling of layers[0] → layers[1]"
    assert law["verdict"] == "predicted-decay"
