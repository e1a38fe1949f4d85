"""The commands, seen from their output; and that help and validation need no JAX."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import pytest

import gfflow as gf
from gfflow._registry import kinds, names
from gfflow.experiment.store import RunFolder

from ..variants import tuples
from .config_cases import LINEAR

CONFIG = (
    LINEAR
    + """\
[flow]
weight_decay = 0.1
[solver]
t1 = 1.0
rtol = 1e-8
[save]
count = 5
"""
)


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, command):
    """Run the console script in a folder of its own: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    return lambda *arguments: (command(*arguments), *capsys.readouterr())


def test_no_jax_for_help_and_validation():
    script = (
        "import sys\n"
        "import gfflow.experiment.cli, gfflow.experiment.config._config\n"
        "assert not {'jax', 'equinox', 'diffrax', 'optax'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_help_names_every_command(call):
    code, out, _ = call("--help")
    assert code == 0
    for command in ("run", "check", "resume", "list", "doctor"):
        assert f"\n  {command} " in out


def test_run_check_resume_and_load(call, tmp_path):
    code, out, err = call("run", "config.toml", "--json", "--quiet")
    assert code == 0 and err == ""
    found = json.loads(out)
    assert found["run"] == "runs/config" and found["status"] == "successful"
    assert [law["verdict"] for law in found["laws"]] == ["predicted-decay"]
    run = tmp_path / "runs" / "config"
    stored = json.loads((run / "metrics.json").read_text())
    assert stored == {k: v for k, v in found.items() if k not in ("run", "exit_code")}
    assert {p.name for p in run.iterdir()} >= {
        "config.toml",
        "resolved.json",
        "metrics.json",
        "checkpoint.eqx",
        "events.jsonl",
        "report.html",
        "seg-000000.npz",
    }
    assert (run / "config.toml").read_text() == CONFIG
    resolved = json.loads((run / "resolved.json").read_text())
    assert resolved["config"]["solver"]["name"] == "auto"
    assert resolved["parameters"] == 12 and resolved["versions"]["gfflow"]

    (law,) = found["laws"]
    recorded = law["recorded"]
    assert recorded["integrator"] < 1e-6 * recorded["change"] < recorded["drift"]
    assert recorded["largest"] < 1e-12 and 0 <= recorded["at"] <= found["t"]

    solution = gf.load(run)
    assert solution.law_rates[law["name"]].change.shape[0] == 6
    assert solution.status_name == "successful" and solution.ts.shape == (6,)
    assert float(solution.losses[-1]) == found["loss"]
    assert solution.model(jnp.ones(2)).shape == (2,)
    report = gf.check(solution, ladder=False)
    assert [law.verdict for law in report.values()] == ["predicted-decay"]

    jax.config.update("jax_enable_x64", False)
    with pytest.raises(gf.RunFolderError, match="is in float64, JAX is set to float32"):
        gf.load(run)

    code, out, _ = call("check", "runs/config", "--json")
    assert code == 0 and json.loads(out)["laws"] == stored["laws"]
    code, out, _ = call("resume", "runs/config")
    assert code == 0 and "predicted-decay" in out
    code, out, err = call("run", "config.toml")
    assert code == 0 and "written to runs/config-2" in out
    assert "run folder: runs/config-2" in err


def test_one_process_at_a_time(call, tmp_path):
    call("run", "config.toml", "--quiet", "--out", "out", "--set", "solver.name=tsit5")
    with RunFolder.open(tmp_path / "out").locked():
        code, _, err = call("resume", "out", "--quiet")
    assert code == 2 and "another process is running in out" in err
    assert call("resume", "out", "--quiet")[0] == 0


def test_events_are_one_line_a_segment(call, tmp_path):
    call("run", "config.toml", "--quiet", "--out", "out", "--set", "run.segments=3")
    lines = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["segment"] for event in events] == [0, 1, 2]
    assert [event["rows"] for event in events] == [3, 5, 6]
    for event in events:
        assert {"t", "loss", "gradient_norm", "steps", "wall_s"} <= set(event)


def test_progress_goes_to_stderr(call):
    code, out, err = call("run", "config.toml", "--json")
    json.loads(out)
    assert "100%" in err and "loss" in err


@pytest.mark.parametrize(
    ("overrides", "code", "status"),
    [
        (["solver.max_steps=3"], 4, "max_steps_reached"),
        (["solver.stop.loss=1e9"], 0, "stopped_loss"),
        (["solver.stop.gradient_norm=0.5"], 0, "stopped_gradient_norm"),
        (["run.max_wall_time=1e-9"], 4, "stopped_wall_time"),
        (["flow.weight_decay=0"], 0, "successful"),
        (["run.precision=float32", "solver.rtol=1e-5"], 0, "successful"),
    ],
)
def test_endings(call, overrides, code, status):
    cheap = ["solver.name=tsit5", "laws.ladder=false"]
    settings = [part for text in [*cheap, *overrides] for part in ("--set", text)]
    found, out, _ = call("check", "config.toml", "--json", "--quiet", *settings)
    assert (found, json.loads(out)["status"]) == (code, status)


def test_a_broken_law_need_not_hold(call, tmp_path):
    wrong = '[[laws.custom]]\nname = "wrong"\nexpression = "sum(W1**2)"\n'
    (tmp_path / "config.toml").write_text(CONFIG + wrong)
    assert call("check", "config.toml", "--quiet")[0] == 3
    (tmp_path / "config.toml").write_text(CONFIG + wrong + "must_hold = false\n")
    code, out, _ = call("check", "config.toml", "--quiet")
    assert code == 0 and "broken" in out


@pytest.mark.parametrize(
    "must_hold, wanted", tuples([("true", 3), ("false", 0)], slow=[("false", 0)])
)
def test_a_law_without_a_value_does_not_hold(call, tmp_path, must_hold, wanted):
    law = '[[laws.custom]]\nname = "nan"\nexpression = "log(-sum(W1**2))"\n'
    (tmp_path / "config.toml").write_text(CONFIG + law + f"must_hold = {must_hold}\n")
    cheap = ("--set", "solver.name=tsit5", "--set", "laws.ladder=false")
    code, out, _ = call("check", "config.toml", "--quiet", *cheap)
    assert code == wanted and "inconclusive" in out


def test_a_law_named_like_one_of_the_model(call, tmp_path):
    law = '[[laws.custom]]\nname = "balancedness of layers[0] → layers[1]"\n'
    (tmp_path / "config.toml").write_text(CONFIG + law + 'expression = "sum(W1**2)"\n')
    code, out, err = call("check", "config.toml", "--quiet")
    assert code == 2 and out == ""
    assert err.startswith("error: config.toml:19: laws.custom.0.name: the model has a")


def test_list(call):
    for kind in kinds():
        code, out, _ = call("list", kind)
        assert code == 0 and [line.split()[0] for line in out.splitlines()] == names(
            kind
        )
    code, out, _ = call("list", "solvers", "--json")
    assert {"name": "tsit5", "description": "Tsitouras, explicit, order 5(4)"} in (
        json.loads(out)
    )
    code, _, err = call("list", "solver")
    assert code == 2 and "did you mean 'solvers'?" in err


def test_doctor(call):
    code, out, _ = call("doctor", "--json")
    found = json.loads(out)
    assert code == 0 and found["self_test"]["passed"] and found["float64"]


def test_usage_errors_are_exit_code_2(call):
    assert call("run")[0] == 2
    assert call("nonsense")[0] == 2
    assert call("run", "config.toml", "--sett", "a=1")[0] == 2
