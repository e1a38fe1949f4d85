"""A run that is killed, interrupted or stopped by a limit resumes to the same bits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf
from gfflow.experiment import _commands
from gfflow.experiment.tell import Progress

from ..variants import variants

CONFIG = """
[problem]
loss = "mse"
[problem.model]
kind = "deep_linear"
widths = [4, 5, 3]
[problem.data]
kind = "teacher_student"
inputs = 4
outputs = 3
samples = 50
[solver]
name = "heun"
t1 = 20.0
rtol = 1e-7
[save]
count = 40
parameters_every = 3
[laws]
ladder = false
[run]
segments = 13
"""
CLOCKS = ("wall_s", "compile_s")
# A segment, the events and a checkpoint, 10 times; then the metrics and the report.
SEGMENTS, WRITES = 10, 32
MOMENTS = (0, 1, 2, 17, WRITES - 1)


class Killed(BaseException):
    """The end of a process, as far as what it has written is concerned."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the config, and an uninterrupted run of it, `whole`."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "config.toml").write_text(CONFIG)
    assert run(folder, "whole") == 0
    return folder


def run(folder: Path, name: str, *overrides: str) -> int:
    config = folder / "config.toml"
    return _commands.run(config, overrides, folder / name, progress=False).code


def resume(folder: Path, name: str, *overrides: str) -> int:
    return _commands.resume(folder / name, overrides, progress=False).code


def bits(run: Path) -> dict:
    """Everything that a run computed, without the clocks."""
    found = {}
    for segment in sorted(run.glob("seg-*.npz")):
        with np.load(segment, allow_pickle=False) as archive:
            for name in archive.files:
                found[f"{segment.name}/{name}"] = archive[name].tobytes()
    metrics = json.loads((run / "metrics.json").read_text())
    for clock in CLOCKS:
        del metrics["cost"][clock]
    found["metrics"] = metrics
    found["checkpoint"] = (run / "checkpoint.eqx").read_bytes().partition(b"\n")[2]
    return found


def test_two_runs_agree(place):
    assert run(place, "again") == 0
    assert bits(place / "again") == bits(place / "whole")
    assert len(list((place / "whole").glob("seg-*.npz"))) == SEGMENTS


@pytest.mark.parametrize(
    "moment", variants(range(WRITES), slow=set(range(WRITES)) - set(MOMENTS))
)
def test_killed_and_resumed(place, moment, monkeypatch):
    """Killed when so many files are written, in the middle of the next."""
    name, written, replace = f"killed-{moment}", 0, os.replace

    def counted(source, target):
        nonlocal written
        if Path(target).parent == place / name:
            if written == moment:
                raise Killed
            written += 1
        replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted)
        with pytest.raises(Killed):
            run(place, name)
    for half in ("seg-000000.npz", "checkpoint.eqx", "metrics.json"):
        (place / name / f".{half}.tmp").write_bytes(b"half a file")
    assert resume(place, name) == 0
    assert bits(place / name) == bits(place / "whole")


def test_killed_by_the_system(place):
    name = "in a process"
    call = [sys.executable, "-m", "gfflow.experiment.cli"]
    call += ["run", "config.toml", "--quiet", "--out", name]
    process = subprocess.Popen(call, cwd=place)
    while not (place / name / "checkpoint.eqx").exists():
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert resume(place, name) == 0
    assert bits(place / name) == bits(place / "whole")


def test_wall_time_then_resume(place):
    assert run(place, "wall", "run.max_wall_time=1e-9") == 4
    metrics = json.loads((place / "wall" / "metrics.json").read_text())
    assert metrics["status"] == "stopped_wall_time"
    assert 0 <= metrics["t"] < 20.0
    assert resume(place, "wall", "run.max_wall_time=600") == 0
    assert bits(place / "wall") == bits(place / "whole")


def test_step_limit_then_resume(place):
    assert run(place, "few", "solver.max_steps=1000") == 4
    metrics = json.loads((place / "few" / "metrics.json").read_text())
    assert metrics["status"] == "max_steps_reached"
    assert sum(metrics["steps"].values()) == 1000
    assert resume(place, "few", "solver.max_steps=1000000") == 0
    assert bits(place / "few") == bits(place / "whole")


def test_interrupt_keeps_what_was_computed(place, monkeypatch):
    def interrupted(self, t, *news):
        if t > 1.0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "update", interrupted)
        assert run(place, "interrupted") == 4
    metrics = json.loads((place / "interrupted" / "metrics.json").read_text())
    assert 0 < metrics["t"] < 20 and metrics["status"] == "stopped_wall_time"
    assert resume(place, "interrupted") == 0
    assert bits(place / "interrupted") == bits(place / "whole")


def test_finished_run_resumes_to_itself(place):
    before = bits(place / "whole")
    assert resume(place, "whole") == 0
    assert bits(place / "whole") == before


@pytest.mark.parametrize(
    "override",
    variants(
        ["solver.max_steps=1000", "run.max_wall_time=1e-9", "solver.stop.loss={half}"],
        slow=["solver.stop.loss={half}"],
    ),
)
def test_an_early_stop_keeps_its_last_state(place, override):
    name = override.partition("=")[0]
    losses = gf.load(place / "whole").losses
    half = float(losses[0] + losses[-1]) / 2
    assert run(place, name, override.format(half=half)) in (0, 4)
    solution = gf.load(place / name)
    last = solution.ts[-1]
    assert last < 20.0 and solution.state_ts[-1] == last
    assert np.all(np.isin(solution.state_ts, solution.ts))
    for kept, end in zip(
        *map(jtu.tree_leaves, (solution.states, solution.state)), strict=True
    ):
        assert np.array_equal(kept[-1], end)
