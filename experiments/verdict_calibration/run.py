"""Verdicts on laws of known truth, true and false by ε = 1 … 1e-14.

    python experiments/verdict_calibration/run.py [--out DIR] [--seeds N]

writes table.md, verdicts.csv and figure.svg, beside itself by default; some 20 minutes
on two cores.
"""

import argparse
import collections
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from subjects import SUBJECTS, Subject, Value, problem_of

import gfflow as gf

HERE = Path(__file__).parent
EPSILONS = tuple(10.0**-i for i in range(15))
T1 = 0.5
# A violation is linear in ε from here on.
PROBE = 1e-3
BROKEN, UNTOLD, REGION, TRUE = VERDICTS = (
    *("broken", "inconclusive", "conserved-on-this-data", "conserved"),
)
ALONG = ("coefficient", "bias left out", "activation", "normalisation ε")
ALONG = (*ALONG, "loss", "decay")
BEYOND = ("part of space", "part of time")
COLOURS = dict(zip(VERDICTS, ("#c2452d", "#999999", "#e0a526", "#1b7f5c")))


class Case(NamedTuple):
    """One verdict: of what kind of law, false by which ε, and by what of its terms."""

    subject: str
    dtype: str
    seed: int
    kind: str
    eps: float
    violation: float
    resolution: float
    verdict: str

    @property
    def told(self) -> bool:
        """Whether it is false by a hundred times the resolution that was printed."""
        return self.violation >= 100 * self.resolution


def laws_of(subject: Subject) -> list[gf.Law]:
    """T, and T false by each ε in a coefficient, in a part of space, and of time."""
    total = lambda arrays: sum(jnp.sum(a**2) for a in arrays.values())
    size = lambda arrays: total(arrays) / sum(a.size for a in arrays.values())
    term = lambda t, law, arrays: subject.term(**arrays)
    part = lambda x: jnp.tanh(jax.nn.relu(x) ** 2)
    far = lambda t, law, arrays: part(size(arrays) - 9) * subject.term(**arrays)
    late = lambda t, law, arrays: part(t - 2 * T1) * subject.term(**arrays)
    along = "bias left out" if subject.left_out else "coefficient"
    kinds = {along: term, "part of space": far, "part of time": late}
    laws = [
        gf.Law(Value(subject.law, other, EPSILONS), kind)
        for kind, other in kinds.items()
    ]
    return [gf.Law(Value(subject.law, term, (0.0,)), "true"), *laws]


LAWS = {name: laws_of(subject) for name, subject in SUBJECTS.items()}


def weighed(name: str, seed: int, dtype: str, *, model=0.0, loss=0.0, decay=0.0):
    """A report on the laws, of a model, a loss and a flow that break them by these."""
    problem = problem_of(SUBJECTS[name], seed, dtype, model=model, loss=loss)
    flow = gf.GradientFlow(weight_decay=jnp.asarray(decay, dtype))
    rtol = 1e-8 if dtype == "float64" else 1e-5
    solution = gf.solve(
        flow, problem, t1=T1, rtol=rtol, solver="tsit5", parameters_every=7
    )
    return gf.check(solution, LAWS[name], ladder=False, seed=seed)


def cases_of(name: str, seed: int, dtype: str) -> Iterator[Case]:
    """All of one subject, start and data set."""
    subject = SUBJECTS[name]
    case = lambda kind, eps, violation, law, verdict: Case(
        name, dtype, seed, kind, eps, violation, law.resolution, str(verdict)
    )
    for law in weighed(name, seed, dtype).values():
        if law.name == "true":
            yield case("true", 0.0, 0.0, law, law.verdict)
            continue
        verdicts = np.reshape(law.verdicts, (len(EPSILONS), -1))
        rates = np.reshape(law.rates, verdicts.shape)[EPSILONS.index(PROBE)]
        slopes = np.where(law.name in BEYOND, law.general_rate, rates / PROBE)
        for eps, row in zip(EPSILONS, verdicts):
            for slope, verdict in zip(slopes, row):
                yield case(law.name, eps, float(slope) * eps, law, verdict)
    arguments = {subject.broken_by: "model", "decay": "decay"}
    if subject.of_this_loss:
        arguments["loss"] = "loss"
    for kind, argument in arguments.items():
        found = {
            eps: weighed(name, seed, dtype, **{argument: eps})["true"]
            for eps in EPSILONS
        }
        slopes = np.asarray(found[PROBE].rates) / PROBE
        for eps, law in found.items():
            for slope, verdict in zip(slopes, law.verdicts):
                yield case(kind, eps, float(slope) * eps, law, verdict)


def summary(rows: list[Case]) -> list[str]:
    """What the cases of one precision show."""
    true = [c for c in rows if c.kind == "true"]
    false = [c for c in rows if c.kind in ALONG]
    beyond = [c for c in rows if c.kind in BEYOND]
    large = [c for c in false if c.violation >= 1e-9]
    count = lambda some, verdict: sum(c.verdict == verdict for c in some)
    below = [c for c in false if c.verdict != BROKEN]
    called = max((c.violation for c in below), default=0.0)
    named = [c for c in beyond if c.told and c.verdict != TRUE]
    return [
        f"- {len(true)} true laws: {count(true, TRUE)} `conserved`, "
        f"{count(true, BROKEN)} `broken`, {count(true, UNTOLD)} `inconclusive`; "
        f"resolution printed with them: at most {max(c.resolution for c in true):.1e}.",
        f"- {sum(c.told for c in false)} laws that the run breaks by 100 times the "
        f"resolution or more: {count([c for c in false if c.told], TRUE)} `conserved`.",
        f"- {len(large)} broken by 1e-9 or more: {count(large, BROKEN)} `broken`, "
        f"{count(large, UNTOLD)} `inconclusive`.",
        f"- The largest violation that was not called `broken`: {called:.1e}.",
        f"- {sum(c.told for c in beyond)} laws false in a part of space or time that "
        f"the run does not see, by 100 times the resolution or more: {len(named)} not "
        "called `conserved`.",
    ]


def table(found: list[Case], seconds: float) -> str:
    """The confusion table, by decade of the violation."""
    lines = [
        "# Verdicts by the size of the violation",
        "",
        f"{len(found)} verdicts on {len(SUBJECTS)} kinds of models written by hand, in "
        f"{seconds / 60:.0f} minutes. Violation: |ḣ| over the size of its terms, from "
        f"the rate at ε = {PROBE:g}, by powers of ten; for a part of space or time "
        "that the run does not see, at the random points, at ε = 1. A verdict in bold "
        "is wrong.",
    ]
    for dtype in ("float64", "float32"):
        rows = [case for case in found if case.dtype == dtype]
        header = " | ".join(VERDICTS)
        lines += ["", f"## Runs in {dtype}", "", *summary(rows), ""]
        lines += [f"| law | violation | {header} |", "|---|---|" + "---|" * 4]
        for kind in ("true", *ALONG, *BEYOND):
            by_decade = collections.defaultdict(list)
            for case in rows:
                if case.kind == kind:
                    by_decade[_decade(case.violation)].append(case)
            for decade in sorted(by_decade, reverse=True):
                cells = [_cell(by_decade[decade], v) for v in VERDICTS]
                size = f"1e{decade:.0f}" if np.isfinite(decade) else "0"
                lines.append(f"| {kind} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(cases: list[Case], verdict: str) -> str:
    some = [case for case in cases if case.verdict == verdict]
    wrong = any(_wrong(case) for case in some)
    return f"**{len(some)}**" if wrong else str(len(some) or "")


def _wrong(case: Case) -> bool:
    """Whether the verdict says what is not so, or too little of a true law."""
    if case.kind == "true":
        return case.verdict != TRUE
    if case.kind in BEYOND and case.verdict == BROKEN:
        return True
    return case.told and case.verdict in (TRUE, REGION)[: 1 + (case.kind in ALONG)]


def _decade(violation: float) -> float:
    return -np.inf if violation == 0 else float(np.floor(np.log10(violation)))


def _share(rows: list[Case], verdict: str, decade: float) -> float:
    at = [case.verdict for case in rows if _decade(case.violation) == decade]
    return at.count(verdict) / len(at)


def draw(found: list[Case], path: Path) -> None:
    """The share of each verdict by the violation, for laws that the run breaks."""
    rows = [c for c in found if c.kind in ALONG and c.dtype == "float64"]
    decades = sorted({_decade(c.violation) for c in rows if c.violation > 0})
    style = {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    plt.rcParams.update(style)
    figure, axes = plt.subplots(figsize=(6, 2.8))
    base = np.zeros(len(decades))
    for verdict in VERDICTS:
        at = [
            [c.verdict == verdict for c in rows if _decade(c.violation) == d]
            for d in decades
        ]
        share = np.array([np.mean(flags) for flags in at])
        axes.bar(decades, share, 0.9, base, label=verdict, color=COLOURS[verdict])
        base += share
    axes.set_xlabel("violation |ḣ| / terms, power of ten")
    axes.set_ylabel("share of verdicts")
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Weigh all cases and write what was said."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="a folder")
    parser.add_argument("--seeds", type=int, default=3, help="starts and data sets")
    parser.add_argument("--subjects", nargs="*", default=list(SUBJECTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    found: list[Case] = []
    for name in options.subjects:
        for dtype, seeds in (("float64", options.seeds), ("float32", 1)):
            for seed in range(seeds):
                found += cases_of(name, seed, dtype)
                seconds = time.perf_counter() - began
                print(name, dtype, seed, f"{seconds:.0f} s", flush=True)
    text = table(found, time.perf_counter() - began)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    with (options.out / "verdicts.csv").open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerows([Case._fields, *found])
    draw(found, options.out / "figure.svg")
    print(text)


if __name__ == "__main__":
    main()
