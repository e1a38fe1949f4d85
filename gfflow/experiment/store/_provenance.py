"""What was run: versions, devices, precision, revision."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path
from typing import Any

import jax

from ... import __version__

_PACKAGES = ("jax", "jaxlib", "diffrax", "equinox", "optax", "numpy", "sympy")


def versions() -> dict[str, str]:
    """The versions of gfflow, Python and what the numbers depend on."""
    found = {"gfflow": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def devices() -> list[str]:
    """The devices that JAX sees, the default one first."""
    default = jax.config.values["jax_default_device"]
    first = [default] if default is not None else []
    rest = [d for d in jax.devices() if d not in first]
    return [f"{d.platform}: {d.device_kind}" for d in [*first, *rest]]


def git_revision(folder: Path) -> str | None:
    """The commit of the checkout that a folder is in, `-dirty` if it has changes."""
    try:
        command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
        found = subprocess.run(
            [*command, "--abbrev=40"], capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None


def provenance(folder: Path) -> dict[str, Any]:
    """All of this, ready for JSON."""
    return {
        "versions": versions(),
        "devices": devices(),
        "platform": platform.platform(),
        "git_revision": git_revision(folder),
    }
