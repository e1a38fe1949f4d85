"""gfflow laws."""

import json
import subprocess
import sys

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


def command(tmp_path, *options):
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    call = [sys.executable, "-m", "gfflow.experiment.cli", "laws", str(path), *options]
    return subprocess.run(call, capture_output=True, text=True, timeout=300)


def test_json(tmp_path):
    done = command(tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters"] == 26 and found["complete"] is True
    assert found["lower_bound"] == found["upper_bound"] == 4
    assert len(found["laws_found"]) == 4
    assert found["laws_found"][0]["degree"] == "quadratic"
    assert {law["verified"] for law in found["laws_found"]} == {"whole numbers"}
    assert "layers[0].bias" in found["laws_found"][0]["support"]
    proof = found["certificate"]
    assert proof["prime"] is None and proof["gap"][0] > 1e6 * proof["gap"][1]
    assert set(proof) >= {"method", "ranks_per_level", "gap", "points", "prime"}


def test_exact_table(tmp_path):
    done = command(tmp_path, "--exact")
    assert done.returncode == 0, done.stderr
    assert "complete: yes" in done.stdout and "2147483647" in done.stdout
    assert "sum(layers[1].weight[:,0]**2)" in done.stdout


def test_bad_model(tmp_path):
    done = command(tmp_path, "--exact", "--set", "problem.model.activation=tanh")
    assert done.returncode == 2 and "exact mode" in done.stderr
