"""A run that is killed, interrupted or stopped by a limit resumes to the same bits."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

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
rtol = 1e-9
[save]
count = 40
parameters_every = 3
[laws]
ladder = false
[run]
segments = 13
"""
CLOCKS = ("wall_s", "compile_s")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the config, an uninterrupted run of it, and a compilation cache."""
    folder = tmp_path_factory.mktemp("resume")
    (folder / "config.toml").write_text(CONFIG)
    began = time.monotonic()
    assert command(folder, "run", "config.toml", "--out", "whole").wait() == 0
    first = time.monotonic() - began
    began = time.monotonic()
    assert command(folder, "run", "config.toml", "--out", "warm").wait() == 0
    return folder, min(first, time.monotonic() - began)


def command(folder: Path, *arguments: str) -> subprocess.Popen:
    """`gfflow` in its own process."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder / "cache")}
    environment["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    call = [sys.executable, "-m", "gfflow.experiment.cli", *arguments, "--quiet"]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(
        call, cwd=folder, env=environment, stdout=quiet, stderr=quiet
    )


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
    folder, _ = place
    assert bits(folder / "whole") == bits(folder / "warm")
    assert len(list((folder / "whole").glob("seg-*.npz"))) > 5


@pytest.mark.parametrize("moment", variants(range(10), slow=range(3, 10)))
def test_killed_and_resumed(place, moment):
    folder, seconds = place
    run = folder / f"killed-{moment}"
    chance = random.Random(moment)
    process = command(folder, "run", "config.toml", "--out", run.name)
    while not (run / "resolved.json").exists():
        assert process.poll() is None
        time.sleep(0.005)
    appeared = time.monotonic()
    wait = chance.uniform(0, 0.6 * seconds)
    while process.poll() is None and time.monotonic() - appeared < wait:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert command(folder, "resume", run.name).wait() == 0
    assert bits(run) == bits(folder / "whole")
    assert not list(run.glob(".*.tmp"))


def test_wall_time_then_resume(place):
    folder, _ = place
    limited = ("--set", "run.max_wall_time=0.2")
    assert command(folder, "run", "config.toml", "--out", "wall", *limited).wait() == 4
    metrics = json.loads((folder / "wall" / "metrics.json").read_text())
    assert metrics["status"] == "stopped_wall_time"
    assert 0 <= metrics["t"] < 20.0
    raised = ("--set", "run.max_wall_time=600")
    assert command(folder, "resume", "wall", *raised).wait() == 0
    assert bits(folder / "wall") == bits(folder / "whole")


def test_step_limit_then_resume(place):
    folder, _ = place
    limited = ("--set", "solver.max_steps=1000")
    assert command(folder, "run", "config.toml", "--out", "few", *limited).wait() == 4
    metrics = json.loads((folder / "few" / "metrics.json").read_text())
    assert metrics["status"] == "max_steps_reached"
    assert sum(metrics["steps"].values()) == 1000
    raised = ("--set", "solver.max_steps=1000000")
    assert command(folder, "resume", "few", *raised).wait() == 0
    assert bits(folder / "few") == bits(folder / "whole")


def test_interrupt_keeps_what_was_computed(place):
    folder, _ = place
    run = folder / "interrupted"
    process = command(folder, "run", "config.toml", "--out", run.name)
    while not (run / "checkpoint.eqx").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.wait() in (0, 4)
    assert json.loads((run / "metrics.json").read_text())["t"] > 0
    assert command(folder, "resume", run.name).wait() == 0
    assert bits(run) == bits(folder / "whole")


def test_finished_run_resumes_to_itself(place):
    folder, _ = place
    assert command(folder, "resume", "warm").wait() == 0
    assert bits(folder / "warm") == bits(folder / "whole")
