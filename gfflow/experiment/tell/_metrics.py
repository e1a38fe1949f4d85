"""metrics.json, report.html and the table on the screen."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.text import Text

from ...integrate import Solution
from ...laws import Law
from ...verdict import Report, drift_of
from ..store import CONFIG, METRICS, REPORT, RunFolder
from ._recorded import recorded_rate
from ._report import write_report
from ._screen import Screen, sheet, styled, visible

_COLOURS = {
    "conserved": "green",
    "conserved-on-this-data": "cyan",
    "predicted-decay": "cyan",
    "inconclusive": "yellow",
    "broken": "red",
}


def metrics_of(solution: Solution, report: Report, note: str) -> dict[str, Any]:
    """The contents of metrics.json; a number that is not finite is `None`.

    **Arguments:**

    - `note`: what the laws that were read off the model say of themselves.
    """
    cost = solution.cost
    return {
        "status": solution.status_name,
        "t": float(solution.ts[-1]),
        "loss": _number(solution.losses[-1]),
        "gradient_norm": _number(solution.gradient_norms[-1]),
        "steps": {
            "accepted": int(solution.accepted_steps),
            "rejected": int(solution.rejected_steps),
        },
        "cost": {
            "gradients": cost.gradients,
            "hvps": cost.hvps,
            "sequential_gradients": cost.sequential_gradients,
            "gradient_equivalents": cost.gradient_equivalents,
            "wall_s": cost.wall_s,
            "compile_s": cost.compile_s,
        },
        "laws": [
            law.to_json() | {"recorded": recorded_rate(solution, law.name)}
            for law in report.values()
        ],
        "laws_note": note,
        "events": [{"t": t, "what": what} for t, what in solution.events],
        "enforced": list(solution.enforced),
        "certificate": _certificate(solution),
        "critical_point": _critical_point(solution),
    }


def _certificate(solution: Solution) -> dict[str, Any] | None:
    found = solution.certificate
    if found is None:
        return None
    return {
        "error": _number(found.error),
        "difference": _number(found.difference),
        "resolution": _number(found.resolution),
        "largest": _number(found.largest),
        "rtol": float(found.rtol),
        "solver": found.solver,
        "status": found.status_name,
        "gradient_equivalents": found.cost.gradient_equivalents,
    }


def _critical_point(solution: Solution) -> dict[str, Any] | None:
    found = solution.critical_point
    if found is None:
        return None
    return {
        "converged": bool(found.converged),
        "loss": _number(found.loss),
        "gradient_norm": _number(found.gradient_norm),
        "curvature": _number(found.curvature),
        "gradients": int(found.gradients),
        "hvps": int(found.hvps),
    }


def write_results(
    folder: RunFolder,
    metrics: Mapping[str, Any],
    laws: Mapping[str, Law],
    solution: Solution,
    report: Report,
) -> None:
    """Write metrics.json and report.html."""
    folder.write_json(METRICS, metrics)
    drift = {}
    for name, law in laws.items():
        if law.production is not None:
            continue
        drifts = np.abs(drift_of(law, solution, np.asarray(report[name].scales)))
        drift[name] = drifts.max(axis=1, initial=0.0).tolist()
    write_report(
        folder.path / REPORT,
        title=f"gfflow: {folder.path.resolve().name}",
        config_text=(folder.path / CONFIG).read_text(encoding="utf-8"),
        metrics=metrics,
        series={
            "t": np.asarray(solution.ts).tolist(),
            "loss": np.asarray(solution.losses).tolist(),
            "gradient_norm": np.asarray(solution.gradient_norms).tolist(),
            "drift": drift,
        },
    )


def print_summary(metrics: Mapping[str, Any], screen: Screen) -> None:
    """The outcome of a run: how it ended, what it cost, a verdict a law."""
    steps, cost = metrics["steps"], metrics["cost"]
    gradients = cost["gradients"]
    screen.print(
        styled(metrics["status"], "bold")
        + Text(f" at t = {metrics['t']:.6g}: ")
        + f"loss {_shown(metrics['loss'], '.6g')}, "
        f"gradient norm {_shown(metrics['gradient_norm'])}"
    )
    screen.print(
        f"{steps['accepted']} steps, {steps['rejected']} rejected, "
        f"{'uncounted' if gradients is None else gradients} gradients, "
        f"{_shown(cost['wall_s'], '.1f')} s of which {_shown(cost['compile_s'], '.1f')}"
        " s compilation"
    )
    for event in metrics["events"]:
        screen.print(f"t = {event['t']:.6g}: {event['what']}", highlight=False)
    certificate, point = metrics["certificate"], metrics["critical_point"]
    if certificate is not None:
        screen.print(
            f"error of the last state at most {_shown(certificate['error'])}, by two "
            f"finer runs, one of {certificate['solver']} at {certificate['rtol']:.1e}"
        )
    if point is not None:
        screen.print(
            f"critical point {'found' if point['converged'] else 'not found'}: "
            f"gradient norm {_shown(point['gradient_norm'])}, "
            f"loss {_shown(point['loss'], '.6g')}"
        )
    note = visible(metrics["laws_note"])
    if not metrics["laws"]:
        screen.print("no law was asked for or read off the model")
        if note:
            screen.print(f"laws of the model: {note}", highlight=False)
        return
    table = sheet(2, "law", "verdict", "rate", "random", "drift", "order", "limit")
    for law in metrics["laws"]:
        same = law["verdicts"].count(law["verdict"])
        colour = _COLOURS[law["verdict"]]
        table.add_row(
            law["name"],
            styled(law["verdict"], colour) + f" {same} of {law['count']}",
            _shown(law["rate"]),
            _shown(law["general_rate"]),
            _shown(law["max_drift"]),
            _shown(law["order"], ".1f"),
            _shown(law["limit"]),
        )
    screen.print(table)
    for law in metrics["laws"]:
        if law["verdict"] != "conserved" or "no evidence" in law["note"]:
            screen.print(styled(law["name"], "bold") + f": {visible(law['note'])}")
    if note:
        screen.print(f"laws of the model: {note}", highlight=False)


def _number(value) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None


def _shown(value: float | None, how: str = ".1e") -> str:
    return "–" if value is None else format(value, how)
