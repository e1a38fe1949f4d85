"""Every shipped config is valid, is run, and says what its first lines say."""

import json
from pathlib import Path

import jax
import pytest

from gfflow.experiment.config._config import load_config

from .variants import variants

CONFIGS = Path(__file__).parent.parent / "configs"


@pytest.fixture
def run(tmp_path, capsys, command):
    """Run a config by name with overrides: (exit code, metrics)."""

    def call(name, *overrides):
        settings = [part for text in overrides for part in ("--set", text)]
        out = str(tmp_path / "run")
        arguments = ["run", str(CONFIGS / name), "--out", out, "--json", "--quiet"]
        code = command(*arguments, *settings)
        return code, json.loads(capsys.readouterr().out)

    yield call
    jax.config.update("jax_enable_x64", True)


def test_every_config_is_here():
    tested = Path(__file__).read_text()
    assert all(f'"{path.name}"' in tested for path in CONFIGS.glob("*.toml"))


@pytest.mark.parametrize(
    "path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem
)
def test_every_config_is_valid(path):
    assert load_config(path).config.solver.t1 > 0


def test_quickstart(run):
    shorter = ("problem.data.samples=200", "solver.t1=0.7")
    code, metrics = run("quickstart.toml", *shorter)
    assert code == 0
    (law,) = metrics["laws"]
    assert law["count"] == 16 and law["verdicts"] == ["conserved"] * 16
    assert law["max_drift"] <= 1e-9
    assert law["rate"] <= 1e-15 and law["general_rate"] <= 1e-15
    assert metrics["loss"] < 0.6


@pytest.mark.slow
def test_quickstart_with_tanh(run):
    overrides = ("problem.model.activation=tanh", "laws.ladder=false")
    code, metrics = run("quickstart.toml", *overrides)
    assert code == 3
    assert set(metrics["laws"][0]["verdicts"]) == {"broken"}


def test_deep_linear(run):
    code, metrics = run("deep_linear.toml")
    assert code == 0 and len(metrics["laws"]) == 2
    for law in metrics["laws"]:
        assert law["verdict"] == "conserved"
        assert law["limit"] < 1e-13
        assert abs(law["order"] - law["ladder"]["solver_order"]) < 1


def test_broken_law(run):
    code, metrics = run("broken_law.toml")
    assert code == 3
    (law,) = metrics["laws"]
    assert law["verdict"] == "broken" and law["rate"] > 1e-3
    assert law["budget"]["law"] > 100 * law["budget"]["integrator"]


@pytest.mark.slow
def test_relu_mlp_digits(run):
    code, metrics = run("relu_mlp_digits.toml", "solver.t1=0.01", "laws.ladder=false")
    assert code == 0
    names = [law["name"] for law in metrics["laws"]]
    assert names == [
        "rescaling of layers[0] → layers[1]",
        "rescaling of layers[1] → layers[2]",
        "column sums of layers[2].weight",
        "sum of layers[2].bias",
    ]
    assert {law["verdict"] for law in metrics["laws"]} == {"conserved"}


def test_softmax_regression_digits(run):
    code, metrics = run("softmax_regression_digits.toml", "solver.t1=1.0")
    assert code == 0
    weight, bias = metrics["laws"]
    assert (weight["count"], bias["count"]) == (64, 1)
    for law in (weight, bias):
        assert law["verdict"] == "conserved" and law["max_drift"] < 1e-13
        assert not law["ladder"]["evidence"] and "no evidence" in law["note"]


def test_nmf_digits(run):
    code, metrics = run("nmf_digits.toml")
    assert code == 0
    (law,) = metrics["laws"]
    assert law["count"] == 5 and law["verdict"] == "conserved"
    assert law["max_drift"] < 1e-13


@pytest.mark.slow
def test_nmf_digits_under_momentum(run):
    looser = ("solver.name=dopri5", "solver.rtol=1e-6", "solver.t1=0.1")
    code, metrics = run("nmf_digits.toml", "flow.kind=momentum", *looser)
    assert code == 3
    (law,) = metrics["laws"]
    assert law["verdicts"] == ["broken"] * 5 and law["rate"] > 1e-3


def test_momentum(run):
    code, metrics = run("momentum.toml")
    assert code == 0
    (law,) = metrics["laws"]
    assert law["count"] == 10 and law["verdict"] == "conserved"
    assert law["max_drift"] < 1e-14
    assert "keeps this law by construction" in law["note"]


@pytest.mark.slow
def test_nesterov(run):
    code, metrics = run("nesterov.toml")
    assert code == 0
    assert {law["name"]: law["verdict"] for law in metrics["laws"]} == {
        "momentum of rescaling of layers[0] → layers[1]": "predicted-decay",
        "momentum of column sums of layers[1].weight": "conserved",
        "resting point of column sums of layers[1].weight": "conserved",
    }


@pytest.mark.slow
def test_natural_gradient(run):
    code, metrics = run("natural_gradient.toml")
    assert code == 0
    assert {law["name"]: law["verdict"] for law in metrics["laws"]} == {
        "rescaling of layers[0] → layers[1]": "conserved",
        "column sums of layers[1].weight": "conserved",
        "sum of layers[1].bias": "conserved",
    }


@pytest.mark.slow
def test_adam(run):
    code, metrics = run("adam.toml")
    assert code == 0
    (law,) = metrics["laws"]
    assert law["verdicts"] == ["broken"] * 8 and law["max_drift"] > 1e-2


def test_saddle(run):
    code, metrics = run("saddle.toml")
    assert code == 0
    known, difference = metrics["laws"]
    assert known["verdict"] == "conserved" and known["max_drift"] < 1e-13
    assert difference["verdict"] == "broken" and difference["max_drift"] > 0.1


@pytest.mark.slow
def test_weight_decay(run):
    code, metrics = run("weight_decay.toml")
    assert code == 0
    balancedness, sums = metrics["laws"]
    assert balancedness["verdict"] == sums["verdict"] == "predicted-decay"
    assert balancedness["rate"] < 1e-15 and sums["rate"] < 1e-15
    assert balancedness["max_drift"] < 1e-9 and sums["max_drift"] < 1e-13


@pytest.mark.slow
def test_compare_gd(capsys, command):
    code = command("compare", str(CONFIGS / "compare_gd.toml"), "--json", "--quiet")
    assert code == 0
    found = json.loads(capsys.readouterr().out)["comparisons"]
    assert [one["name"] for one in found] == [
        "sgd",
        "minibatches",
        "heavy_ball",
        "adam",
    ]
    for one in found:
        (law,) = one["laws"]
        assert law["flow_drift"] < 1e-8 and law["discrete_drift"] > 1e-4
        known = one["name"] != "adam"
        assert known == (law["identity_residual"] is not None)
        assert not known or law["identity_residual"] < 1e-15
        assert (one["departure"] is None) == known
    jax.config.update("jax_enable_x64", True)


ZOO = {
    "attention_head.toml": [6, 6],
    "transformer_block.toml": [8, 8, 6, 10, 2],
    "language_model.toml": [8, 20, 8, 4, 4, 4, 4, 8],
    "conv_digits.toml": [4, 3, 4, 1],
    "resnet_digits.toml": [6, 3, 3, 3, 3, 3, 1],
    "lora.toml": [3, 3, 2],
    "deeponet.toml": [12, 12, 21],
    "diagonal.toml": [10],
}


@pytest.mark.parametrize("name", variants(ZOO, slow=set(ZOO) - {"diagonal.toml"}))
def test_models_of_the_zoo(run, name):
    """All that they claim is conserved, and it is as much as theory says."""
    shorter = ["solver.t1=0.02", "laws.ladder=false"]
    if name == "resnet_digits.toml":
        shorter += ["problem.data.samples=20", "problem.data.batch=5"]
    code, metrics = run(name, *shorter)
    assert code == 0
    assert {law["verdict"] for law in metrics["laws"]} == {"conserved"}
    assert sum(law["count"] for law in metrics["laws"]) == sum(ZOO[name])
    assert max(law["max_drift"] for law in metrics["laws"]) < 1e-7
