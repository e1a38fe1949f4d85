"""Verdicts on laws of known truth, true and false by ε = 1 … 1e-14.

    python experiments/verdict_calibration/run.py [--out DIR] [--seeds N]

writes table.md and figure.svg, beside itself by default; half an hour on a core.
"""

import argparse
import collections
import time
from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import matplotlib.pyplot as plt
import numpy as np
from cases import (
    ALONG,
    BEYOND,
    BROKEN,
    PROBE,
    SUBJECTS,
    TRUE,
    UNTOLD,
    VERDICTS,
    Case,
    cases_of,
    true_case,
)

HERE = Path(__file__).parent
COLOURS = dict(zip(VERDICTS, ("#c2452d", "#999999", "#e0a526", "#1b7f5c")))


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
    wrong = any(case.wrong for case in some)
    return f"**{len(some)}**" if wrong else str(len(some) or "")


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
    parser.add_argument("--seeds", type=int, default=1, help="starts and data sets")
    parser.add_argument(
        "--true", type=int, default=20, help="starts and data sets of the true laws"
    )
    parser.add_argument("--subjects", nargs="*", default=list(SUBJECTS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    found: list[Case] = []
    for name in options.subjects:
        for dtype, seeds in (("float64", options.seeds), ("float32", 1)):
            for seed in range(seeds):
                found += cases_of(name, seed, dtype)
            more = range(seeds, options.true)
            found += [true_case(name, seed, dtype) for seed in more]
            print(name, dtype, f"{time.perf_counter() - began:.0f} s", flush=True)
    text = table(found, time.perf_counter() - began)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    draw(found, options.out / "figure.svg")
    print(text)


if __name__ == "__main__":
    main()
