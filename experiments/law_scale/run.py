"""The laws of models of 2·10⁵ to 10⁷ parameters: named, and kept by a flow.

    python experiments/law_scale/run.py [--only NAME] [--out DIR]

Each model runs in a process of its own. Its laws are read off the gradients twice, with
and without compilation, and counted against theory; then its gradient flow on digits is
integrated and every law is checked. Writes one `NAME.json` a model, and `table.md`.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
from models import MODELS, Large

import gfflow as gf

HERE = Path(__file__).parent
FLOW = gf.GradientFlow()
STEPS = 400
HEAD = (
    "| model | parameters | laws by theory | named | in groups | seconds, first time "
    "| again | accepted steps | loss | seconds of flow and check | verdicts "
    "| largest rate | memory (GB) |"
)


def measure(name: str) -> dict:
    large = MODELS[name]()
    problem = large.problem()
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        laws = gf.known_laws(problem, FLOW)
        seconds.append(time.perf_counter() - began)
    made = {
        "model": name,
        "parameters": problem.size,
        "theory": large.laws,
        "named": sum(int(np.size(law(0.0, problem.model))) for law in laws),
        "groups": len(laws),
        "first": seconds[0],
        "again": seconds[1],
        "laws": [law.name for law in laws],
        "note": laws.note,
    }
    if large.t1 is not None:
        made |= integrated(large, problem, laws)
    return made | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6}


def integrated(large: Large, problem: gf.Problem, laws: list[gf.Law]) -> dict:
    began = time.perf_counter()
    solution = gf.solve(
        FLOW,
        problem,
        t1=large.t1,
        rtol=large.rtol,
        solver="dopri5",
        saveat=gf.log_times(1e-3 * large.t1, large.t1, 4),
        max_steps=STEPS,
    )
    report = gf.check(solution, laws, ladder=False)
    losses = np.asarray(solution.losses)
    return {
        "status": solution.status_name,
        "steps": int(solution.accepted_steps),
        "loss": [float(losses[0]), float(losses[-1])],
        "flow": time.perf_counter() - began,
        "verdicts": Counter(str(one.verdict) for one in report.values()),
        "rate": max(float(one.rate) for one in report.values()),
    }


def row(of: dict) -> str:
    cells = [
        of["model"],
        f"{of['parameters']:,}".replace(",", " "),
        of["theory"],
        of["named"],
        of["groups"],
        f"{of['first']:.0f}",
        f"{of['again']:.0f}",
    ]
    flow = ["–"] * 5
    if "flow" in of:
        verdicts = (f"{n} {verdict}" for verdict, n in of["verdicts"].items())
        flow = [
            of["steps"],
            f"{of['loss'][0]:.3g} → {of['loss'][1]:.3g}",
            f"{of['flow']:.0f}",
            ", ".join(verdicts),
            f"{of['rate']:.0e}",
        ]
    memory = f"{of['memory']:.1f}"
    return f"| {' | '.join(map(str, [*cells, *flow, memory]))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", choices=MODELS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        made = measure(arguments.only)
        path = arguments.out / f"{arguments.only}.json"
        path.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
        print(row(made), flush=True)
        return
    for name in MODELS:
        if arguments.only in (None, name):
            own = [sys.executable, __file__, "--only", name, "--here"]
            subprocess.run([*own, "--out", str(arguments.out)], check=True)
    files = (arguments.out / f"{name}.json" for name in MODELS)
    found = [json.loads(file.read_text()) for file in files if file.exists()]
    lines = [HEAD, "|---" * (HEAD.count("|") - 1) + "|", *map(row, found)]
    (arguments.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
