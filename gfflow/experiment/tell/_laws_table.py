"""What `gfflow laws` shows on the screen."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ...discovery import Discovery


def print_laws(found: Discovery, console: Console) -> None:
    """The laws, their number and bounds, whether that is all, and why."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", justify="right")
    table.add_column("law", overflow="fold")
    table.add_column("degree")
    table.add_column("of", overflow="fold")
    table.add_column("verified by")
    for number, law in enumerate(found.laws, start=1):
        table.add_row(
            str(number),
            escape(found.expressions[law.name]),
            law.degree,
            escape(", ".join(found.supports[law.name])),
            found.verified[law.name],
        )
    if found.laws:
        console.print(table)
    upper = "unknown" if found.upper_bound is None else found.upper_bound
    console.print(
        f"{found.flow}, {found.parameters} parameters: {found.lower_bound} laws found, "
        f"at most {upper}",
        highlight=False,
    )
    colour = "green" if found.complete else "yellow"
    console.print(f"complete: [{colour}]{'yes' if found.complete else 'no'}[/]")
    proof = found.certificate
    ranks = " → ".join(map(str, proof.ranks_per_level))
    gap = ""
    if proof.gap is not None:
        gap = (
            f"; singular values kept ≥ {proof.gap[0]:.1e}, dropped ≤ {proof.gap[1]:.1e}"
        )
    if proof.primes:
        gap = f"; modulo {', '.join(map(str, proof.primes))}"
    console.print(
        f"certificate: {proof.method}, rank {ranks}{gap}; laws at each point: "
        f"{', '.join(map(str, proof.points))}",
        highlight=False,
    )
    for note in found.notes:
        console.print(f"note: {escape(note)}", highlight=False)
    console.print(f"{found.wall_s:.1f} s", highlight=False)
