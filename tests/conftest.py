"""Strict flags and double precision for every test; set before any array exists."""

import os
import subprocess
import sys
from pathlib import Path

# Two thirds of the time of the tests is compilation. Without LLVM's optimisations it
# takes a third less, and without the emitters of fusions half of the rest. The runs of
# experiments/ compile as users do.
OPTIMISATIONS, EMITTERS = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
)


def quick_compilation(given: str) -> str:
    """XLA's flags; a flag that it does not know would end the process."""
    flags = f"{OPTIMISATIONS} {EMITTERS} {given}"
    probe = [sys.executable, "-c", "import jax; jax.devices()"]
    tried = subprocess.run(
        probe, env={**os.environ, "XLA_FLAGS": flags}, capture_output=True
    )
    return flags if tried.returncode == 0 else f"{OPTIMISATIONS} {given}"


# Each worker has one core, and the flags of the process that started it.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["XLA_FLAGS"] = quick_compilation(os.environ.get("XLA_FLAGS", ""))

import jax
import pytest

MAPS, MOST_MAPS = Path("/proc/self/maps"), 30_000

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_are_freed():
    """A process may have 65530 memory maps, and each program takes some."""
    yield
    if not MAPS.exists() or MAPS.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()


@pytest.fixture
def command(monkeypatch):
    """Run the console script in this process; its exit code."""
    from gfflow.experiment.cli import main

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["gfflow", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code or 0

    return run


def pytest_terminal_summary(terminalreporter):
    """Print what tests recorded, also when they ran in another process."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                for name, value in report.user_properties:
                    terminalreporter.write_line(f"{name}: {value}")
