"""Parts that are registered, and nothing else: their config keys are known."""

import inspect
import json
from typing import get_args

import jax
import pytest

import gfflow as gf
from gfflow import _registry
from gfflow.experiment.config import load_config, parameters_of
from gfflow.experiment.config._flow_sections import FlowSection
from gfflow.experiment.config._parts import Choice
from gfflow.experiment.run._build import build

from ..annotations import wrong_arguments

FLOW = get_args(FlowSection)[1]
CONFIG = """\
[problem]
loss = "mse"
[problem.model]
kind = "scaled"
size = 2
[problem.data]
kind = "ramp"
samples = 3
[flow]
kind = "slow"
slowness = 2.0
learning_rate = 0.5
[solver]
name = "tsit5"
t1 = 1.0
"""


def scaled(size, *, factor=1.0, key):
    """A model of one layer."""
    return gf.models.DeepLinear([size, size], key=key, init_scale=factor)


def ramp(samples: int, top: float = 1.0, order=tuple):
    """Inputs and targets along a line."""
    x = jax.numpy.linspace(0.0, top, 2 * samples).reshape(samples, 2)
    return x, x[::-1]


def slow(slowness, *, kind_of_rest="plain"):
    """Gradient flow, slower."""
    if not slowness > 0:
        raise gf.SolveError("slowness must be above 0", argument="slowness")
    return gf.flows.LearningRate(gf.GradientFlow(), 1 / slowness)


@pytest.fixture(autouse=True)
def parts(monkeypatch, tmp_path):
    for kind, name in {"models": "scaled", "data": "ramp", "flows": "slow"}.items():
        entries = dict(_registry._KINDS[kind])
        monkeypatch.setitem(_registry._KINDS, kind, entries)
        _registry.register(kind, name, __name__, name, f"a new {name}")
    monkeypatch.chdir(tmp_path)


def load(tmp_path, *changes):
    text = CONFIG
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "config.toml"
    path.write_text(text)
    return load_config(path)


def problems(tmp_path, *changes):
    loaded = load(tmp_path, *changes)
    with pytest.raises(gf.ConfigError) as caught:
        build(loaded.config, loaded.where)
    return [text.removeprefix(f"{tmp_path}/") for text in caught.value.problems]


def test_a_run_states_their_defaults(command, tmp_path, capsys):
    load(tmp_path)
    assert command("run", "config.toml", "--json", "--out", "out") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "successful"
    resolved = json.loads((tmp_path / "out" / "resolved.json").read_text())["config"]
    assert resolved["problem"]["model"] == {"kind": "scaled", "size": 2, "factor": 1.0}
    assert resolved["problem"]["data"] == {"kind": "ramp", "samples": 3, "top": 1.0}
    assert resolved["flow"] == {
        "kind": "slow",
        "weight_decay": 0.0,
        "learning_rate": 0.5,
        "coupled": False,
        "slowness": 2.0,
        "kind_of_rest": "plain",
    }
    assert gf.load(tmp_path / "out").finished


def test_keys_are_those_of_the_signature(tmp_path):
    found = problems(
        tmp_path,
        ("size = 2\n", "sise = 2\n"),
        ("samples = 3\n", "samples = 3\ntopp = 2.0\n"),
        ("slowness = 2.0\n", ""),
    )
    assert found == [
        "config.toml:5: problem.model.sise: unknown key (did you mean 'size'?); "
        "known keys: kind, size, factor",
        "config.toml:3: problem.model.size: this key is required",
        "config.toml:9: problem.data.topp: unknown key (did you mean 'top'?); "
        "known keys: kind, samples, top, order",
        "config.toml:10: flow.slowness: this key is required",
    ]


@wrong_arguments
def test_an_error_has_the_line_of_its_argument(tmp_path):
    (found,) = problems(tmp_path, ("slowness = 2.0", "slowness = -1.0"))
    assert found == "config.toml:11: flow.slowness: slowness must be above 0"
    (found,) = problems(tmp_path, ("size = 2", 'size = "two"'))
    assert found.startswith("config.toml:3: problem.model: widths")
    (found,) = problems(tmp_path, ("samples = 3", "samples = -3"))
    assert found.startswith("config.toml:6: problem.data: ramp raised ")


def test_values_are_plain_and_names_are_known(tmp_path):
    with pytest.raises(gf.ConfigError, match="11: flow.slowness: must be a finite"):
        load(tmp_path, ("2.0", "nan"))
    with pytest.raises(gf.ConfigError, match="mean 'slow'"):
        load(tmp_path, ('"slow"', '"slowly"'))


def test_registration_is_of_a_new_name():
    with pytest.raises(gf.GFFlowError, match="did you mean 'flows'"):
        _registry.register("flow", "x", "m", "a", "d")
    with pytest.raises(gf.GFFlowError, match="another part has the name 'slow'"):
        _registry.register("flows", "slow", "m", "a", "d")
    with pytest.raises(gf.GFFlowError, match="lower case"):
        _registry.register("flows", "Slow", "m", "a", "d")


DIFFER = {"targets", "potentials", "nesterov", "friction", "iterations"}


@pytest.mark.parametrize(
    "registered, choice",
    [("models", Choice("models")), ("data", Choice("data")), ("flows", FLOW)],
)
def test_written_sections_agree_with_the_signatures(registered, choice):
    for name in _registry.names(registered):
        section = choice.section({"kind": name})
        parameters = parameters_of(_registry.lookup(registered, name))
        if section is choice.open:
            continue
        for key, field in section.model_fields.items():
            if key in DIFFER or key in choice.open.model_fields:
                continue
            default = parameters[key].default
            if default is not inspect.Parameter.empty:
                assert field.default == default, (name, key)
