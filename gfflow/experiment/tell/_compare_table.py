"""What `gfflow compare` shows on the screen."""

from ...discrete import Comparison
from ..run import Compared
from ._screen import Screen, sheet, styled


def print_compared(compared: Compared, screen: Screen) -> None:
    """One line an optimiser, then one line a law of each."""
    table = sheet(
        2,
        *("optimiser", "status", "steps", "t", "loss", "loss of flow"),
        *("distance", "departure", "sharpness > threshold"),
    )
    for name, one in compared.comparisons.items():
        colour = "green" if one.finished else "red"
        status = one.status if one.status != "successful" else f"flow {one.flow_status}"
        table.add_row(
            name,
            styled("successful" if one.finished else status, colour),
            str(int(one.steps[-1])),
            f"{one.ts[-1]:.4g}",
            f"{one.losses[-1]:.4g}",
            f"{one.flow_losses[-1]:.4g}",
            f"{one.distances[-1]:.1e}",
            _time(one.departure),
            _crossing(one),
        )
    screen.print(table)
    laws = sheet(2, "optimiser", "law", "drift of flow", "drift", "identity")
    for name, one in compared.comparisons.items():
        for law in one.laws.values():
            residual = "–" if law.residual is None else f"{law.residual:.1e}"
            laws.add_row(
                name, law.name, f"{law.flow:.1e}", f"{law.discrete:.1e}", residual
            )
    if laws.row_count:
        screen.print()
        screen.print(laws)
    if compared.written is not None:
        screen.print(f"written to {compared.written}", highlight=False)


def _time(time: float | None) -> str:
    return "–" if time is None else f"{time:.4g}"


def _crossing(one: Comparison) -> str:
    if one.thresholds is None or one.flow_sharpness is None:
        return "–"
    return f"{_time(one.crossing)} ({one.thresholds[0]:.4g})"
