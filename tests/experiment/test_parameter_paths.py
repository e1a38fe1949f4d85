"""Paths of a model that is a tree of dicts, in a config, a run folder and a report."""

import json

import numpy as np

import gfflow as gf

MODEL = """
import jax


def apply(variables, x):
    layers = variables["params"]
    return x @ layers["Dense_0"]["kernel"] @ layers["mlp/~/linear_1"]["w"]


def make(key):
    first, second = (jax.random.normal(k, (2, 2)) for k in jax.random.split(key))
    layers = {"Dense_0": {"kernel": first}, "mlp/~/linear_1": {"w": second}}
    return jax.tree_util.Partial(apply, {"params": layers})
"""
CONFIG = """
[problem]
loss = "mse"
trainable = ["args[0].params['Dense_0']", "args[0]['params']['mlp/~/linear_1']"]
time_scale = { "args[0].params.Dense_0" = 2.0, "args[0].params" = 2 }
data = { kind = "teacher_student", inputs = 2, outputs = 2, samples = 20 }
model = { kind = "target", target = "./net.py:make" }
[flow]
kind = "saddle"
ascent = ["args[0]['params']['mlp/~/linear_1']"]
[solver]
name = "tsit5"
t1 = 0.1
[save]
count = 3
parameters_every = 1
[run]
segments = 2
[laws]
families = []
names = { k = "args[0].params.Dense_0.kernel" }
[[laws.custom]]
name = "both"
expression = "sum(k**2) + sum(args[0]['params']['mlp/~/linear_1']['w']**2)"
"""


def test_a_run_of_nested_dicts(tmp_path, command, capsys):
    (tmp_path / "net.py").write_text(MODEL)
    (tmp_path / "config.toml").write_text(CONFIG)
    folder = tmp_path / "run"
    arguments = ("run", str(tmp_path / "config.toml"), "--out", str(folder), "--json")
    assert command(*arguments) == 0
    (law,) = json.loads(capsys.readouterr().out)["laws"]
    assert law["name"] == "both" and law["verdict"] == "conserved"
    solution = gf.load(folder)
    first, *_ = sorted(folder.glob("seg-*.npz"))
    with np.load(first) as archive:
        arrays = {name: archive[name] for name in archive.files}
    path = "parameters/args[0]['params']['mlp/~/linear_1']['w']"
    assert path in arrays
    renamed = {k.replace("args[0]", "<flat index 0>"): x for k, x in arrays.items()}
    np.savez(first, **renamed)
    again = gf.load(folder)
    kernel = lambda found: found.states.args[0]["params"]["Dense_0"]["kernel"]
    assert len(kernel(again)) > 2 and np.array_equal(kernel(again), kernel(solution))
