"""Strict flags and double precision for every test; set before any array exists."""

import atexit
import gc
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Two thirds of the time of the tests is compilation; without LLVM's optimisations it
# takes a third less. The runs of experiments/ compile as users do.
FLAGS = f"--xla_backend_optimization_level=0 {os.environ.get('XLA_FLAGS', '')}"
# Each worker has one core.
os.environ |= {"XLA_FLAGS": FLAGS, "OPENBLAS_NUM_THREADS": "1"}

# The processes of one run share what they compile, in a folder of this user alone; one
# that the environment names is kept.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    FOLDER = tempfile.mkdtemp(prefix="gfflow-programs-")
    atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
    os.environ |= {
        "JAX_COMPILATION_CACHE_DIR": FOLDER,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }

import jax
import pytest
from jaxtyping import install_import_hook

from . import annotations, compilation

MAPS, MOST_MAPS = Path("/proc/self/maps"), 45_000
# Programs are large graphs of objects that stay: looking through them all for garbage
# takes a twentieth of the time.
gc.set_threshold(100_000, 50, 1000)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
compilation.compile_quickly()
install_import_hook("gfflow", f"{annotations.__name__}.checked")


@pytest.fixture(autouse=True, scope="module")
def compiled_programs_are_freed():
    """A process may have 65530 memory maps, and each program takes some."""
    yield
    if not MAPS.exists() or MAPS.read_bytes().count(b"\n") > MOST_MAPS:
        jax.clear_caches()
        gc.collect()


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
