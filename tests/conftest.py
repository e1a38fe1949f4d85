"""Strict flags and double precision for every test; set before any array exists."""

import atexit
import gc
import os
import sys
from pathlib import Path

# Two thirds of the time of the tests is compilation; without LLVM's optimisations it
# takes a third less. The runs of experiments/ compile as users do.
QUICKLY = "--xla_backend_optimization_level=0"
# Each worker has one core.
ONE_CORE = "--xla_cpu_parallel_codegen_split_count=1"
FLAGS = f"{QUICKLY} {ONE_CORE} {os.environ.get('XLA_FLAGS', '')}"
os.environ |= {"XLA_FLAGS": FLAGS, "OPENBLAS_NUM_THREADS": "1"}

import jax
import pytest
from jaxtyping import install_import_hook

from . import annotations, compilation

LONG = {
    *("test_truth_corpus.py", "test_collocation.py", "test_readme.py"),
    *("test_configs.py", "test_vmap.py", "test_conjugate.py"),
}
# A worker that has told its results is done: to free its thousands of programs one by
# one takes a quarter of a minute.
if "PYTEST_XDIST_WORKER" in os.environ:
    atexit.register(os._exit, 0)

MAPS, MOST_MAPS = Path("/proc/self/maps"), 45_000
# Programs are large graphs of objects that stay: looking through them all for garbage
# takes a twentieth of the time.
gc.set_threshold(100_000, 50, 1000)

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
compilation.compile_quickly()
compilation.share_one_context()
install_import_hook("gfflow", f"{annotations.__name__}.checked")
compilation.quick_end_of_a_solve()


def pytest_collection_modifyitems(items):
    """Files whose tests are long first, so that no process waits at the end for one."""
    items.sort(key=lambda item: item.path.name not in LONG)


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
