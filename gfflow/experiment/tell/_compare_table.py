"""What `gfflow compare` shows on the screen."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...discrete import Comparison
from ..run import Compared


def print_compared(compared: Compared, console: Console) -> None:
    """One line an optimiser, then one line a law of each."""
    table = _table("optimiser", "status", "steps", "t", "loss", "loss of flow")
    for heading in ("distance", "departure", "sharpness > threshold"):
        table.add_column(heading, justify="right")
    for name, one in compared.comparisons.items():
        colour = "green" if one.finished else "red"
        status = one.status if one.status != "successful" else f"flow {one.flow_status}"
        shown = "successful" if one.finished else status
        table.add_row(
            escape(name),
            f"[{colour}]{shown}[/]",
            str(int(one.steps[-1])),
            f"{one.ts[-1]:.4g}",
            f"{one.losses[-1]:.4g}",
            f"{one.flow_losses[-1]:.4g}",
            f"{one.distances[-1]:.1e}",
            _time(one.departure),
            _crossing(one),
        )
    console.print(table)
    laws = _table("optimiser", "law")
    for heading in ("drift of flow", "drift", "identity"):
        laws.add_column(heading, justify="right")
    for name, one in compared.comparisons.items():
        for law in one.laws.values():
            residual = "–" if law.residual is None else f"{law.residual:.1e}"
            laws.add_row(
                escape(name),
                escape(law.name),
                f"{law.flow:.1e}",
                f"{law.discrete:.1e}",
                residual,
            )
    if laws.row_count:
        console.print()
        console.print(laws)
    if compared.written is not None:
        console.print(f"written to {compared.written}", highlight=False)


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index < 2 else "right")
    return table


def _time(time: float | None) -> str:
    return "–" if time is None else f"{time:.4g}"


def _crossing(one: Comparison) -> str:
    if one.thresholds is None or one.flow_sharpness is None:
        return "–"
    return f"{_time(one.crossing)} ({one.thresholds[0]:.4g})"
