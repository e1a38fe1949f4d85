"""A discrete run beside the flow, in numbers."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np


@final
@dataclass(frozen=True)
class LawDrift:
    """One law in both: the largest drifts, as fractions of its scale.

    - `flow`, `discrete`: max |h(t) − h(0)| / scale, stated decay undone.
    - `residual`: the largest residual of the law's discrete identity in any step, over
        the sum of its absolute terms; `None` without an identity.
    """

    name: str
    flow: float
    discrete: float
    residual: float | None


@final
@dataclass(frozen=True)
class Comparison:
    """What `gfflow.compare` found, at the T saved steps of the run that the flow
    reached. Times are flow time.

    - `optimiser`, `flow`: what was compared; `learning_rate`: of the first step.
    - `status`, `flow_status`: how the two ended.
    - `ts`, `steps`: shape `(T,)`.
    - `losses`, `flow_losses`: shape `(T,)`.
    - `distances`: ‖θ_k − θ(t_k)‖₂ / ‖θ(t_k)‖₂.
    - `travelled`: ‖θ(t_k) − θ(0)‖₂ / ‖θ(t_k)‖₂, to read the distances against.
    - `tolerance`, `departure`: the first time at which the distance exceeds the
        tolerance, `None` if it does not.
    - `sharpness`, `flow_sharpness`: λ_max along both, NaN where the iterate is too
        large for it; `None` if not asked for.
    - `thresholds`: the largest stable λ_max at each row; `None` for a method without.
    - `crossing`: the first time at which the flow's sharpness exceeds the threshold;
        `discrete_crossing` the same of the run.
    - `laws`: name → `LawDrift`.

    Times of departure and crossing are interpolated linearly between saved steps.
    """

    optimiser: str
    flow: str
    learning_rate: float
    status: str
    flow_status: str
    ts: np.ndarray
    steps: np.ndarray
    losses: np.ndarray
    flow_losses: np.ndarray
    distances: np.ndarray
    travelled: np.ndarray
    tolerance: float
    sharpness: np.ndarray | None
    flow_sharpness: np.ndarray | None
    thresholds: np.ndarray | None
    laws: dict[str, LawDrift]

    @property
    def departure(self) -> float | None:
        """When the distance first exceeds the tolerance."""
        return first_crossing(self.ts, self.distances - self.tolerance)

    @property
    def crossing(self) -> float | None:
        """When the flow's sharpness first exceeds the threshold of the method."""
        return self._crossing(self.flow_sharpness)

    @property
    def discrete_crossing(self) -> float | None:
        """When the run's own sharpness first exceeds it."""
        return self._crossing(self.sharpness)

    @property
    def finished(self) -> bool:
        """Whether both came to their end."""
        flow = ("successful", "stopped_gradient_norm", "stopped_loss")
        return self.status == "successful" and self.flow_status in flow

    def to_json(self) -> dict[str, Any]:
        """Everything, ready for JSON; a number that is not finite is `None`."""
        table = lambda x: None if x is None else [_number(v) for v in x]
        return {
            "optimiser": self.optimiser,
            "flow": self.flow,
            "learning_rate": self.learning_rate,
            "status": self.status,
            "flow_status": self.flow_status,
            "t": float(self.ts[-1]),
            "steps": int(self.steps[-1]),
            "loss": _number(self.losses[-1]),
            "flow_loss": _number(self.flow_losses[-1]),
            "distance": _number(self.distances[-1]),
            "max_distance": _number(np.max(self.distances)),
            "tolerance": self.tolerance,
            "departure": self.departure,
            "crossing": self.crossing,
            "discrete_crossing": self.discrete_crossing,
            "laws": [
                {
                    "name": law.name,
                    "flow_drift": _number(law.flow),
                    "discrete_drift": _number(law.discrete),
                    "identity_residual": _number(law.residual),
                }
                for law in self.laws.values()
            ],
            "rows": {
                "t": table(self.ts),
                "step": [int(k) for k in self.steps],
                "loss": table(self.losses),
                "flow_loss": table(self.flow_losses),
                "distance": table(self.distances),
                "travelled": table(self.travelled),
                "sharpness": table(self.sharpness),
                "flow_sharpness": table(self.flow_sharpness),
                "threshold": table(self.thresholds),
            },
        }

    def __str__(self) -> str:
        time = lambda t, never: never if t is None else f"at t = {t:.4g}"
        lines = [
            f"{self.optimiser}, learning rate {self.learning_rate:g}, beside "
            f"{self.flow}: {self.status} after {int(self.steps[-1])} steps, "
            f"t = {self.ts[-1]:.4g}"
        ]
        if self.flow_status != "successful":
            lines.append(f"the flow: {self.flow_status}")
        lines.append(
            f"loss {self.losses[-1]:.4g}, of the flow {self.flow_losses[-1]:.4g}; "
            f"distance {self.distances[-1]:.1e} of ‖θ‖, at most "
            f"{np.max(self.distances):.1e}"
        )
        lines.append(
            f"departure (distance > {self.tolerance:g}): "
            f"{time(self.departure, 'not by then')}"
        )
        if self.thresholds is not None and self.flow_sharpness is not None:
            lines.append(
                f"the flow's sharpness exceeds {self.thresholds[0]:.4g}: "
                f"{time(self.crossing, 'not by then')}"
            )
        width = max((len(name) for name in self.laws), default=0)
        if self.laws:
            lines.append(f"{'law'.ljust(width)}  {'flow':>8} {'discrete':>8} identity")
        for law in self.laws.values():
            residual = "–" if law.residual is None else f"{law.residual:.1e}"
            lines.append(
                f"{law.name.ljust(width)}  {law.flow:8.1e} {law.discrete:8.1e} "
                f"{residual:>8}"
            )
        return "\n".join(lines)

    def _crossing(self, values: np.ndarray | None) -> float | None:
        if values is None or self.thresholds is None:
            return None
        return first_crossing(self.ts, values - self.thresholds)


def first_crossing(ts: np.ndarray, excess: np.ndarray) -> float | None:
    """The first t at which the excess is positive, by linear interpolation.

    An excess of NaN is no crossing; at a row after one, the row's own time is given.
    """
    above = np.flatnonzero(excess > 0)
    if not above.size:
        return None
    i = int(above[0])
    if i == 0 or not np.isfinite(excess[i - 1]) or not np.isfinite(excess[i]):
        return float(ts[i])
    part = -excess[i - 1] / (excess[i] - excess[i - 1])
    return float(ts[i - 1] + part * (ts[i] - ts[i - 1]))


def _number(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
