"""What `gfflow laws` shows on the screen."""

from rich.text import Text

from ...discovery import Discovery
from ._screen import Screen, sheet, styled


def print_laws(found: Discovery, screen: Screen) -> None:
    """The laws, their number and bounds, whether that is all, and why."""
    table = sheet(0, "")
    for heading in ("law", "degree", "of", "verified by"):
        table.add_column(heading, overflow="fold")
    for number, law in enumerate(found.laws, start=1):
        table.add_row(
            str(number),
            found.expressions[law.name],
            law.degree,
            ", ".join(found.supports[law.name]),
            found.verified[law.name],
        )
    if found.laws:
        screen.print(table)
    upper = "unknown" if found.upper_bound is None else found.upper_bound
    screen.print(
        f"{found.flow}, {found.parameters} parameters: {found.lower_bound} laws found, "
        f"at most {upper}",
        highlight=False,
    )
    colour = "green" if found.complete else "yellow"
    complete = styled("yes" if found.complete else "no", colour)
    screen.print(Text("complete: ") + complete)
    proof = found.certificate
    ranks = " → ".join(map(str, proof.ranks_per_level))
    gap = ""
    if proof.gap is not None:
        gap = (
            f"; singular values kept ≥ {proof.gap[0]:.1e}, dropped ≤ {proof.gap[1]:.1e}"
        )
    if proof.primes:
        gap = f"; modulo {', '.join(map(str, proof.primes))}"
    screen.print(
        f"certificate: {proof.method}, rank {ranks}{gap}; laws at each point: "
        f"{', '.join(map(str, proof.points))}",
        highlight=False,
    )
    for note in found.notes:
        screen.print(f"note: {note}", highlight=False)
    screen.print(f"{found.wall_s:.1f} s", highlight=False)
