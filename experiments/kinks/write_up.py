"""table.md and figure.svg from the CSV files.

python experiments/kinks/write_up.py [DIR]
"""

import csv
import math
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "kinks"
import matplotlib.pyplot as plt
import numpy as np
from scaling import growth
from work import cost_at

LEVELS = (1e-5, 1e-9, 1e-11)
_ORDERS = ("leaky_cancer", "absolute", "momentum")
_OURS = "KinkResolved"


def write(folder: Path) -> None:
    """What is there already is written up."""
    rows = read(folder / "results.csv")
    parts = [
        _bars(rows),
        _references(read(folder / "references.csv")),
        _scaling(read(folder / "scaling.csv")),
        _orders(rows),
        _laws(read(folder / "laws.csv")),
        _everything(rows),
    ]
    text = "\n".join(part for part in parts if part)
    (folder / "table.md").write_text(text, encoding="utf-8")
    if rows:
        _figure(rows, folder / "figure.svg")


def read(path: Path) -> list[dict]:
    """The rows of a CSV file, as text by column; none without the file."""
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def curves(rows) -> dict:
    """(problem, t1) → solver → its rows, loosest first."""
    found: dict = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["problem"], row["t1"]][row["solver"]].append(row)
    return found


def _bars(rows) -> str:
    lines = _head(
        "Ours against the best peer",
        "Gradient equivalents and CPU seconds at an error, log-interpolated along each "
        "solver's\nladder; the ratio is ours over the best peer's, Auto among the "
        "peers. `–`: not reached.",
        "problem | T | error | ours | best peer | its cost | ratio | ours, s "
        "| best peer | its s | ratio",
    )
    for (problem, t1), solvers in curves(rows).items():
        for level in LEVELS:
            cells = [problem, t1, f"{level:.0e}"]
            for column, text in (("gradient_equivalents", ".0f"), ("cpu_s", ".3f")):
                costs = {
                    name: cost_at(curve, level, column)
                    for name, curve in solvers.items()
                }
                own = costs.pop(_OURS, math.inf)
                peer, name = min(
                    ((cost, name) for name, cost in costs.items()),
                    default=(math.inf, "–"),
                )
                cells += _compared(own, peer, name, _spent(solvers, column), text)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def _spent(solvers, column) -> float:
    """What every peer had spent at least in its dearest run, one over budget too."""
    dearest = [
        max((float(r[column]) for r in curve if r[column]), default=math.inf)
        for name, curve in solvers.items()
        if name != _OURS
    ]
    return min(dearest, default=math.inf)


def _compared(own, peer, name, spent, text) -> list[str]:
    mine = format(own, text) if math.isfinite(own) else "–"
    if math.isfinite(peer):
        ratio = f"{own / peer:.2g}" if math.isfinite(own) else "–"
        return [mine, name, format(peer, text), ratio]
    if not math.isfinite(spent):
        return [mine, "none", "–", "–"]
    ratio = f"< {own / spent:.2g}" if math.isfinite(own) else "–"
    return [mine, "none", f"> {format(spent, text)}", ratio]


def _references(rows) -> str:
    return _plain(
        "References",
        "The distance is relative, of θ, between the reference and the other.",
        rows,
    )


def _scaling(rows) -> str:
    if not rows:
        return ""
    lines = _head(
        "Cost against the number of samples",
        "Gradient equivalents and CPU seconds at an error of 1e-6; medians over the "
        "data seeds. `–`: not\nreached by one of them in the budget. Growth a decade "
        "of samples, by regression\nover all seeds.",
        "solver | samples | kinks crossed | held | gradient equivalents | seconds",
    )
    groups: dict = defaultdict(list)
    for row in rows:
        groups[row["solver"], row["samples"]].append(row)
    middle = lambda own, column: float(np.median([float(r[column]) for r in own]))
    for (solver, number), own in groups.items():
        cost, wall = middle(own, "gradient_equivalents"), middle(own, "cpu_s")
        all_reached = all(math.isfinite(float(r["cpu_s"])) for r in own)
        lines.append(
            f"| {solver} | {number} | {middle(own, 'crossed'):.0f} "
            f"| {middle(own, 'held'):.0f} | "
            + (f"{cost:.0f} | {wall:.3f} |" if all_reached else "– | – |")
        )
    lines += ["", "| solver | growth of equivalents | of seconds |", "|---|---|---|"]
    for solver in dict.fromkeys(row["solver"] for row in rows):
        factors = [growth(rows, solver, c) for c in ("gradient_equivalents", "cpu_s")]
        cells = ["–" if math.isnan(f) else f"{f:.2f}" for f in factors]
        lines.append(f"| {solver} | {cells[0]} | {cells[1]} |")
    return "\n".join([*lines, ""])


def _orders(rows) -> str:
    lines = _head(
        "Orders",
        "Slopes of log error over log rtol, and over log accepted steps, "
        "by regression; errors from 1e-2 to 1e-11.",
        "problem | T | points | error over rtol | error over steps",
    )
    for (problem, t1), solvers in curves(rows).items():
        own = [r for r in solvers[_OURS] if r["error"]]
        own = [r for r in own if 1e-11 < float(r["error"]) < 1e-2]
        if problem not in _ORDERS or len(own) < 3:
            continue
        error, rtol, steps = (
            np.log([float(r[c]) for r in own]) for c in ("error", "rtol", "accepted")
        )
        lines.append(
            f"| {problem} | {t1} | {len(own)} | {np.polyfit(rtol, error, 1)[0]:.2f} "
            f"| {-np.polyfit(steps, error, 1)[0]:.1f} |"
        )
    return "\n".join([*lines, ""])


def _laws(rows) -> str:
    return _plain(
        "Drift of the laws of rescaling",
        "The largest over the scale of its law, under KinkResolved.",
        rows,
    )


def _everything(rows) -> str:
    return _plain("All runs", "", rows)


def _plain(title, text, rows) -> str:
    if not rows:
        return ""
    lines = _head(title, text, " | ".join(rows[0]))
    lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
    return "\n".join([*lines, ""])


def _head(title, text, columns) -> list[str]:
    rule = "|" + "---|" * len(columns.split(" | "))
    return [f"## {title}", "", *([text, ""] if text else []), f"| {columns} |", rule]


def _figure(rows, path: Path) -> None:
    cases = curves(rows)
    columns = 3
    lines = math.ceil(len(cases) / columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(12, 3.2 * lines), squeeze=False
    )
    names = list(dict.fromkeys(row["solver"] for row in rows))
    for axis in axes.flat[len(cases) :]:
        axis.set_visible(False)
    for axis, ((problem, t1), solvers) in zip(axes.flat, cases.items()):
        for name, curve in solvers.items():
            points = [
                (float(r["error"]), float(r["gradient_equivalents"]))
                for r in curve
                if r["error"] and float(r["error"]) > 0
            ]
            if not points:
                continue
            error, cost = zip(*points)
            ours = name == _OURS
            axis.loglog(
                cost,
                error,
                marker="o",
                markersize=3,
                linewidth=1.6 if ours else 0.8,
                color="tab:red" if ours else f"C{names.index(name)}",
                label=name,
            )
        axis.minorticks_off()
        axis.set_xlabel("gradient equivalents")
        axis.set_ylabel("error")
        axis.set_title(f"{problem}, T = {t1}", fontsize=9)
        axis.legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
