"""Certificates of twelve models, and fifteen changed ones, before the checker.

    python experiments/certificate_checker/run.py [--out DIR]

writes `certificates/*.json` and `results.md`. The checker runs in a process of its own
that sees the standard library alone. Exit status 1 if a certificate is refuted, a
changed one is not, or a number of laws is not that of theory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax

jax.config.update("jax_enable_x64", True)

from models import CASES, Case
from tampering import TAMPERINGS

import gfflow as gf

HERE = Path(__file__).parent
_ALONE = [sys.executable, "-I", "-S", str(HERE / "check.py")]


def document(case: Case) -> dict[str, Any]:
    """The certificate as it is read from a file."""
    found = gf.discover(case.model, case.flow, exact=case.phi)
    return json.loads(json.dumps(found.certificate.to_json()))


def written(path: Path, certificate: dict[str, Any]) -> None:
    """A key a line."""
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in certificate.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def checked(path: Path) -> str:
    """What the checker says of a file."""
    done = subprocess.run([*_ALONE, path], capture_output=True, text=True)
    said = done.stdout.strip().removeprefix(f"{path}: ")
    return said if done.returncode == (not said.startswith("proved")) else done.stderr


def table(head: str, rows: Iterable[Iterable[Any]]) -> list[str]:
    """Of Markdown."""
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return [head, "|" + "---|" * head.count(" | ") + "---|", *lines, ""]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    folder = parser.parse_args().out / "certificates"
    folder.mkdir(parents=True, exist_ok=True)
    whole, changed, wrong = [], [], []
    documents = {name: document(case) for name, case in CASES.items()}
    for name, certificate in documents.items():
        written(folder / f"{name}.json", certificate)
        said = checked(folder / f"{name}.json")
        bounds = certificate["lower_bound"], certificate["upper_bound"]
        if not said.startswith("proved") or set(bounds) != {CASES[name].number}:
            wrong.append(f"{name}: {said}")
        about, ranks = certificate["about"], certificate["ranks_per_level"]
        of = about["phi"], about["flow"], certificate["state"]
        whole.append((name, *of, *bounds, " → ".join(map(str, ranks)), said))
    with tempfile.TemporaryDirectory() as scratch:
        for what, of, change in TAMPERINGS:
            certificate = json.loads(json.dumps(documents[of]))
            change(certificate)
            written(Path(scratch) / "changed.json", certificate)
            said = checked(Path(scratch) / "changed.json")
            if not said.startswith("REFUTED"):
                wrong.append(f"{what} of {of}: {said}")
            changed.append((what, of, said))
    head = "| certificate | φ | flow | N | laws | at most | ranks | the checker |"
    lines = ["# Certificates before the checker", "", "Written by `run.py`.", ""]
    lines += table(head, whole) + table("| changed | of | the checker |", changed)
    (folder.parent / "results.md").write_text("\n".join(lines[:-1]) + "\n", "utf-8")
    for line in wrong:
        print(f"wrong: {line}", file=sys.stderr)
    print(f"{len(whole)} certificates, {len(changed)} changed ones, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
