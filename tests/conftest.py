"""Strict flags and double precision for every test; set before any array exists."""

import os
import sys
from pathlib import Path

# Two thirds of the time of the tests is compilation; without LLVM's optimisations it
# takes a third less. The README's commands, run by hand, compile as users do.
os.environ["XLA_FLAGS"] = (
    f"--xla_backend_optimization_level=0 {os.environ.get('XLA_FLAGS', '')}"
)

import jax  # noqa: E402
import pytest  # noqa: E402

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
