"""table.md and PROBLEM.svg from results.csv.

python experiments/work_precision/report.py [DIR]
"""

import csv
import math
import sys
from collections import defaultdict
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"
import matplotlib.pyplot as plt
from work import cost_at

LEVELS = (1e-5, 1e-9, 1e-12)
BARS = {1e-5: 1.0, 1e-9: 0.5, 1e-12: 0.33}
_SHOWN = ("Auto", "Radau IIA(5)", "Radau IIA(7)", "Gauss–Legendre(5)", "ROCK2")
_COLOURS = {"ours": "tab:red", "implicit": "tab:blue", "explicit": "tab:gray"}
_PANELS = {
    "gradient_equivalents": "gradient equivalents",
    "sequential": "sequential gradients",
    "wall_s": "seconds",
}


def write(folder: Path) -> None:
    """Read results.csv and problems.csv, write table.md and a figure a problem."""
    rows = read(folder / "results.csv")
    problems = {row["problem"]: row for row in read(folder / "problems.csv")}
    text = [_bars(rows, problems), _rejections(rows), _laws(rows), _everything(rows)]
    (folder / "table.md").write_text("\n".join(text), encoding="utf-8")
    for name in dict.fromkeys(row["problem"] for row in rows):
        own = [row for row in rows if row["problem"] == name]
        _figure(own, folder / f"{name}.svg")


def curves(rows) -> dict:
    """(problem, t1) → solver → its rows, loosest first."""
    found: dict = defaultdict(lambda: defaultdict(list))
    for row in rows:
        found[row["problem"], row["t1"]][row["solver"]].append(row)
    return found


def _bars(rows, problems) -> str:
    lines = [
        "## Ours against the best peer",
        "",
        "Gradient equivalents at an error, log-interpolated along each solver's",
        "ladder; `Auto` beside our best one; the ratio is ours over the best peer's.",
        "Depth is that of our best, and the least of ours, over the least of a peer,",
        "for whom a dense Hessian of D products counts as one evaluation.",
        "",
        "| problem | T | error | best peer | its cost | our best | its cost | ratio | "
        "bar | depth | least depth | auto / our best | best explicit / ours |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (problem, t1), solvers in curves(rows).items():
        for level in LEVELS:
            lines.append(_bar(problem, t1, level, solvers))
    lines += [
        "",
        "| problem | parameters | λ_max at T | gradient | product | "
        "batched product | in blocks | the two references differ by |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in problems.values():
        lines.append(
            f"| {row['problem']} | {row['parameters']} "
            f"| {float(row['lambda_max']):.3g} "
            f"| {1e3 * float(row['gradient_s']):.3g} ms "
            f"| {float(row['product']):.2f} | {float(row['batched']):.2f} "
            f"| {float(row['block']):.2f} "
            f"| {float(row['references_differ_by']):.1e} |"
        )
    return "\n".join([*lines, ""])


def _bar(problem, t1, level, solvers) -> str:
    equivalents, depth = {}, {}
    for name, curve in solvers.items():
        kind = curve[0]["kind"]
        equivalents[name] = kind, cost_at(curve, level, "gradient_equivalents")
        depth[name] = kind, cost_at(curve, level, "sequential")
    best = lambda table, test: min(
        ((cost, name) for name, (kind, cost) in table.items() if test(kind)),
        default=(math.inf, "–"),
    )
    peer, peer_name = best(equivalents, lambda kind: kind != "ours")
    above = ""
    if not math.isfinite(peer):
        above = "> "
        peer, peer_name, _ = _nearest(solvers)
    mine, my_name = best(equivalents, lambda kind: kind == "ours")
    explicit, _ = best(equivalents, lambda kind: kind == "explicit")
    deep, _ = best(depth, lambda kind: kind != "ours")
    least, least_name = best(depth, lambda kind: kind == "ours")
    deep = deep if math.isfinite(deep) else _nearest(solvers)[2]
    auto = equivalents.get("Auto", ("", math.inf))[1]
    if not math.isfinite(explicit):
        spent = [
            float(c[-1]["gradient_equivalents"] or 0)
            for c in solvers.values()
            if c[0]["kind"] == "explicit" and c[-1]["status"] == "over budget"
        ]
        more = f"> {min(spent) / mine:.0f}" if spent else "–"
    else:
        more = f"{explicit / mine:.1f}"
    shown = lambda x: f"{x:.0f}" if math.isfinite(x) else "not reached"
    if not math.isfinite(peer) or not math.isfinite(mine):
        cost = f"{my_name if math.isfinite(mine) else '–'} | {shown(mine)}"
        who = (
            f"{peer_name} | {above}{shown(peer)}"
            if math.isfinite(peer)
            else "none ran | –"
        )
        start = f"| {problem} | {t1} | {level:.0e} | {who} |"
        return f"{start} {cost} | – | – | – | – | – | {more} |"
    ratio, below = mine / peer, "< " if above else ""
    return (
        f"| {problem} | {t1} | {level:.0e} | {peer_name} | {above}{shown(peer)} "
        f"| {my_name} | {shown(mine)} | {below}{ratio:.2f} | {BARS[level]} | "
        f"{depth.get(my_name, ('', math.inf))[1] / deep:.2f} | "
        f"{least / deep:.2f} {least_name} | "
        f"{auto / mine:.2f} | {more} |"
    )


def _nearest(solvers) -> tuple[float, str, float]:
    """Cost, name and depth of the peer whose error is the least of all."""
    runs = [
        (float(row["error"]), name, row)
        for name, curve in solvers.items()
        for row in curve
        if row["kind"] != "ours" and row["error"]
    ]
    if not runs:
        return math.inf, "–", math.inf
    error, name, row = min(runs, key=lambda run: run[0])
    cost, depth = float(row["gradient_equivalents"]), float(row["sequential"])
    return cost, f"{name} at {error:.0e}", depth


def _rejections(rows) -> str:
    lines = [
        "## Rejected steps of ours, as a fraction of all",
        "",
        "| problem | T | solver | most |",
        "|---|---|---|---|",
    ]
    for (problem, t1), solvers in curves(rows).items():
        for name, curve in solvers.items():
            if curve[0]["kind"] != "ours" or problem.startswith("relu"):
                continue
            counts = [
                (int(r["rejected"]), int(r["accepted"])) for r in curve if r["error"]
            ]
            if counts:
                most = max(r / max(1, r + a) for r, a in counts)
                lines.append(f"| {problem} | {t1} | {name} | {most:.0%} |")
    return "\n".join([*lines, ""])


def _laws(rows) -> str:
    lines = [
        "## Drift of quadratic laws, over their scale",
        "",
        "| problem | T | solver | rtol | drift |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if row["kind"] == "ours" and row["law_drift"]:
            lines.append(
                f"| {row['problem']} | {row['t1']} | {row['solver']} | {row['rtol']} | "
                f"{row['law_drift']} |"
            )
    return "\n".join([*lines, ""])


def _everything(rows) -> str:
    names = list(rows[0])
    lines = [
        "## All runs",
        "",
        "| " + " | ".join(names) + " |",
        "|---" * len(names) + "|",
    ]
    lines += ["| " + " | ".join(row[n] for n in names) + " |" for row in rows]
    return "\n".join([*lines, ""])


def _figure(rows, path: Path) -> None:
    cases = curves(rows)
    figure, axes = plt.subplots(
        len(cases), len(_PANELS), figsize=(12, 3.2 * len(cases)), squeeze=False
    )
    for line, ((problem, t1), solvers) in zip(axes, cases.items()):
        for axis, (column, label) in zip(line, _PANELS.items()):
            for name, curve in solvers.items():
                kind = curve[0]["kind"]
                if kind == "ours" and name not in _SHOWN:
                    continue
                points = [
                    (float(r["error"]), float(r[column]))
                    for r in curve
                    if r["error"] and r[column] and float(r["error"]) > 0
                ]
                if not points:
                    continue
                error, cost = zip(*points)
                known = kind == "ours" or name in ("CVODE dense", "CVODE GMRES(5)")
                axis.loglog(
                    cost,
                    error,
                    marker="o" if known or len(points) == 1 else None,
                    markersize=3,
                    linewidth=1.4 if known else 0.6,
                    color=_COLOURS[kind] if not known else None,
                    label=name if known else None,
                )
            axis.minorticks_off()
            axis.set_xlabel(label)
            axis.set_ylabel("error")
            axis.set_title(f"{problem}, T = {t1}", fontsize=9)
        line[0].legend(fontsize=6)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def read(path: Path) -> list[dict]:
    """The rows of a CSV file, as text by column."""
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
