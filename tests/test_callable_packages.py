"""`gfflow.check` and `gfflow.discover` can be called however they were imported."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["check", "discover"])
def test_called_after_an_import_from_inside(name):
    script = f"import gfflow, gfflow.{name}; gfflow.{name}()"
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert f"{name}() missing" in ran.stderr.splitlines()[-1]
