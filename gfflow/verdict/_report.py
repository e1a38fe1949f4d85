"""What `check` returns."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._ladder import Ladder
from ._verdict import Verdict


@dataclass(frozen=True)
class LawReport:
    """The evidence on one law and its verdict.

    - `verdict`: the most severe of `verdicts`, one a component (flattened).
    - `note`: why; of the component that decided.
    - `rate`: the largest |ḣ| over its terms along the run (dimensionless; round-off is
      about 1e-16); `rates` of each component.
    - `general_rate`: the same at random parameters, data and loss cotangents.
    - `resolution`: the least such rate that would have been told from round-off: a law
      that is false by less passes for a true one. 0 where nothing moves.
    - `max_drift`: the largest |h(t) − h(0)| over scale in the run itself; `None` where
      neither the law nor the states were saved.
    - `scale`: the smallest scale of a component; `scales` of each.
    - `order`: fitted order of the drift in the step; `None` where it is round-off.
    - `limit`: the drift extrapolated to tolerance 0; `None` without a ladder.
    - `budget`: drift that each cause accounts for, as a fraction of the scale:
      `integrator`, `round_off`, `law` (the time integral of |ḣ|).
    - `ladder`: see `Ladder`; `evidence` is false where the solver keeps such a law by
      construction.
    """

    name: str
    verdict: Verdict
    note: str
    verdicts: tuple[Verdict, ...]
    count: int
    rate: float
    rates: tuple[float, ...]
    general_rate: float
    resolution: float
    max_drift: float | None
    drifts: tuple[float, ...]
    scale: float
    scales: tuple[float, ...]
    order: float | None
    limit: float | None
    budget: dict[str, float]
    ladder: Ladder | None
    degree: str
    source: str

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, strings and lists; what is not finite becomes `None`."""
        ladder = self.ladder
        return _plain(
            {
                "name": self.name,
                "count": self.count,
                "verdict": self.verdict.value,
                "max_drift": self.max_drift,
                "rate": self.rate,
                "scale": self.scale,
                "order": self.order,
                "budget": self.budget,
                "general_rate": self.general_rate,
                "resolution": self.resolution,
                "limit": self.limit,
                "note": self.note,
                "verdicts": [v.value for v in self.verdicts],
                "ladder": None
                if ladder is None
                else {
                    "tolerances": list(ladder.tolerances),
                    "steps": list(ladder.steps),
                    "drifts": list(ladder.drifts),
                    "solver": ladder.solver,
                    "solver_order": ladder.solver_order,
                    "evidence": ladder.evidence,
                },
                "degree": self.degree,
                "source": self.source,
            }
        )


class Report(Mapping[str, LawReport]):
    """Law name → report, in the order of the laws."""

    def __init__(self, reports: list[LawReport]):
        self._reports = {report.name: report for report in reports}

    def __getitem__(self, name: str) -> LawReport:
        return self._reports[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._reports)

    def __len__(self) -> int:
        return len(self._reports)

    def __str__(self) -> str:
        rows = [("law", "verdict", "rate", "general", "drift", "order", "limit")]
        for r in self.values():
            kept = sum(v == r.verdict for v in r.verdicts)
            rows.append(
                (
                    r.name,
                    f"{r.verdict} ({kept} of {r.count})",
                    _number(r.rate),
                    _number(r.general_rate),
                    _number(r.max_drift),
                    "–" if r.order is None else f"{r.order:.1f}",
                    _number(r.limit),
                )
            )
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip()
            for row in rows
        ]
        return "\n".join(lines)

    __repr__ = __str__


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
