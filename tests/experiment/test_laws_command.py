"""gfflow laws."""

import json
import subprocess
import sys

import pytest

from ..scripts import script

CONFIG = """
[problem]
loss = "mse"
[problem.model]
kind = "mlp"
widths = [3, 4, 2]
activation = "relu"
[problem.data]
kind = "teacher_student"
inputs = 3
outputs = 2
samples = 20
[flow]
kind = "gradient"
[solver]
t1 = 1.0
"""


@pytest.fixture
def laws(command, capsys, tmp_path, monkeypatch):
    """Run `gfflow laws` on CONFIG: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG)
    return lambda *options: (
        command("laws", "config.toml", *options),
        *capsys.readouterr(),
    )


def test_json(laws):
    code, out, err = laws("--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["parameters"] == 26 and found["complete"] is True
    assert found["lower_bound"] == found["upper_bound"] == 4
    assert len(found["laws_found"]) == 4
    assert found["laws_found"][0]["degree"] == "quadratic"
    assert {law["verified"] for law in found["laws_found"]} == {"whole numbers"}
    assert "layers[0].bias" in found["laws_found"][0]["support"]
    proof = found["certificate"]
    assert proof["prime"] is None and proof["gap"][0] > 1e6 * proof["gap"][1]
    assert set(proof) >= {"method", "ranks_per_level", "gap", "points", "prime"}


def test_exact_table(laws):
    code, out, err = laws("--exact")
    assert (code, err) == (0, "")
    assert "complete: yes" in out and "2147483647" in out
    assert "sum(layers[1].weight[:,0]**2)" in out


def test_certificate(laws, tmp_path):
    """A proof, in a file that the checker verifies; it implies --exact."""
    code, out, err = laws("--certificate", "proof.json", "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["certificate"]["method"] == "exact"
    document = json.loads((tmp_path / "proof.json").read_text())
    checker = script("certificate_checker/check.py")
    assert checker.check(document) == "4 laws, and there are at most 4"
    code, out, err = laws("--certificate", "no/proof.json")
    assert code == 2 and out == "" and "there is no folder" in err
    code, out, err = laws("--certificate", ".")
    assert code == 2 and out == "" and "it is a folder; name a file" in err
    tanh = ("--set", "problem.model.activation=tanh")
    code, out, err = laws("--certificate", "none.json", *tanh)
    assert code == 2 and err.count("error:") == 1
    assert not (tmp_path / "none.json").exists()


def test_bad_model_in_a_process_of_its_own(tmp_path):
    (tmp_path / "config.toml").write_text(CONFIG)
    tanh = ("--exact", "--set", "problem.model.activation=tanh")
    call = [sys.executable, "-m", "gfflow.experiment.cli", "laws", "config.toml", *tanh]
    done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("error: ") and "exact mode" in done.stderr
