"""Which laws survive which flow?

    python experiments/keep_the_momentum/run.py [--out DIR] [--only WORD]

For each architecture and flow: the number of laws by discovery, the verdicts on those
laws along a trajectory of the flow, and the verdicts there on the laws of gradient flow
(in the architecture's own metric, if it has one). `table.md` and `figure.svg` are
written; exit status 1 if a cell is not what theory says.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

from architectures import ARCHITECTURES, Architecture
from figure import draw

import gfflow as gf
from gfflow.flows import LearningRate, MirrorFlow, MomentumFlow, WeightDecay

HERE = Path(__file__).parent
T1, MOST_STEPS = 1.0, 3000


class Flow(NamedTuple):
    """**Attributes:**

    - `make`: architecture → the flow, `None` where it has no such.
    - `number`: architecture → how many laws theory gives it.
    - `keeps`: whether the laws of gradient flow hold as they are; under weight decay
        they change, as the laws found state.
    """

    name: str
    make: Callable[[Architecture], gf.flows.AbstractFlow | None]
    number: Callable[[Architecture], int | None]
    keeps: bool


def _mirror(architecture: Architecture) -> MirrorFlow | None:
    return MirrorFlow(architecture.metric) if architecture.metric else None


FLOWS = [
    Flow("gradient", lambda a: gf.GradientFlow(), lambda a: a.gradient, True),
    Flow(
        "gradient, λ(t), η(t)",
        lambda a: LearningRate(
            WeightDecay(gf.GradientFlow(), lambda t: 0.2 / (1 + t)),
            lambda t: 1 / (1 + t),
        ),
        lambda a: a.gradient,
        False,
    ),
    Flow(
        "natural gradient",
        lambda a: gf.NaturalGradientFlow(1e-2),
        lambda a: a.gradient,
        True,
    ),
    Flow("mirror", _mirror, lambda a: a.mirror, False),
    Flow("sign, ε = 0.05", lambda a: gf.flows.sign(0.05), lambda a: 0, False),
    Flow("momentum, τ = 0", lambda a: MomentumFlow(), lambda a: a.momentum, False),
    Flow("momentum, τ = 1", lambda a: MomentumFlow(1.0), lambda a: a.momentum, False),
    Flow(
        "Nesterov, τ = 3/t",
        lambda a: MomentumFlow(gf.nesterov),
        lambda a: a.momentum,
        False,
    ),
]


class Cell(NamedTuple):
    """**Attributes:**

    - `found`, `complete`: by discovery.
    - `own`: verdicts on the laws found, on a trajectory.
    - `old`: verdicts there on the laws of gradient flow.
    """

    architecture: Architecture
    flow: Flow
    expected: int
    found: int | None
    complete: bool
    own: Counter
    old: Counter
    seconds: float

    @property
    def right(self) -> bool:
        """Whether all is as theory says. (A linear law of gradient flow stays where it
        is under momentum that starts at rest, and only then.)"""
        kept = {"conserved", "predicted-decay"}
        agrees = self.found == self.expected and self.complete
        old_kept = set(self.old) <= kept
        old_broken = set(self.old) <= {"broken", "conserved-on-this-data"}
        return (
            agrees
            and set(self.own) <= kept
            and (old_kept if self.flow.keeps else old_broken)
        )


@cache
def laws_of_gradient_flow(name: str) -> list[gf.Law]:
    architecture = next(a for a in ARCHITECTURES if a.name == name)
    return gf.discover(architecture.problem()).laws


def measure(architecture: Architecture, flow: Flow) -> Cell | None:
    made = flow.make(architecture)
    expected = flow.number(architecture)
    if made is None or expected is None:
        return None
    began = time.perf_counter()
    problem = architecture.problem()
    found = gf.discover(problem, made)
    old = laws_of_gradient_flow(architecture.name)
    if made.has_memory:
        old = [law.on_model() for law in old]
    solution = gf.solve(
        made, problem, t1=T1, rtol=1e-9, solver="dopri8", max_steps=MOST_STEPS
    )
    verdicts = lambda laws: Counter(
        str(report.verdict)
        for report in gf.check(solution, laws, ladder=False).values()
    )
    return Cell(
        architecture,
        flow,
        expected,
        found.number,
        found.complete,
        verdicts(found.laws),
        verdicts(old),
        time.perf_counter() - began,
    )


def table(cells: list[Cell]) -> str:
    lines = [
        "# Which laws survive which flow",
        "",
        "Written by `run.py`. Number of laws: theory, found by discovery (all of them "
        "unless it says otherwise); the verdicts along a trajectory of the flow on "
        "these laws, and on those of plain gradient flow.",
        "",
        "| architecture | flow | theory | found | its laws | laws of gradient flow |",
        "|---|---|---|---|---|---|",
    ]
    text = lambda verdicts: (
        ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()) or "–"
    )
    for cell in cells:
        found = str(cell.found) + ("" if cell.complete else " (incomplete)")
        lines.append(
            f"| {cell.architecture.name} | {cell.flow.name} | {cell.expected} | "
            f"{found} | {text(cell.own)} | {text(cell.old)} |"
        )
    right = sum(cell.right for cell in cells)
    return "\n".join([*lines, "", f"{right} of {len(cells)} as theory says."]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", default="", help="part of an architecture's name")
    arguments = parser.parse_args()
    cells = []
    for architecture in ARCHITECTURES:
        for flow in FLOWS if arguments.only in architecture.name else ():
            cell = measure(architecture, flow)
            if cell is not None:
                cells.append(cell)
                mark = "" if cell.right else "  <- not as theory says"
                print(
                    f"{architecture.name} | {flow.name} | {cell.expected} "
                    f"{cell.found} | {dict(cell.own)} | {dict(cell.old)} | "
                    f"{cell.seconds:.1f} s{mark}",
                    flush=True,
                )
    (arguments.out / "table.md").write_text(table(cells), encoding="utf-8")
    if not arguments.only:
        draw(arguments.out / "figure.svg")
    return 0 if all(cell.right for cell in cells) else 1


if __name__ == "__main__":
    sys.exit(main())
