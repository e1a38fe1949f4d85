"""The comparison as a table and as a figure."""

from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from comparison import AGREE, DISAGREE, OPEN, Row

SETTINGS = {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
COLOURS = {AGREE: "#1b7f5c", OPEN: "#c98a1b", DISAGREE: "#c2452d"}


def table(rows: list[Row]) -> str:
    """All rows, the kinds of block that are in them, and the notes."""
    count = Counter(row.verdict for row in rows)
    seconds = sum(row.known_seconds + row.discover_seconds for row in rows)
    lines = [
        "# Laws of random architectures",
        "",
        f"Written by `run.py`. {len(rows)} architectures: {count[AGREE]} equal, "
        f"{count[OPEN]} with a true note, {count[DISAGREE]} contradictions; "
        f"{seconds / 60:.0f} minutes of CPU time, compilation included. D: parameters. "
        "Named: independent laws of `known_laws`, and in how many components where "
        "these are more. Rate: the largest |∇h·f| less what the law states, over "
        "|∇h||f|, at five fresh points.",
        "",
        "| seed | architecture | D | named | rate | discover | verdict | seconds, "
        "`known_laws` | `discover` |",
        "|---|---|---|---|---|---|---|---|---|",
        *map(_line, rows),
        "",
        "## By kind of block",
        "",
        "An architecture counts once for each kind that is in it.",
        "",
        "| block | architectures | equal | true note | contradiction |",
        "|---|---|---|---|---|",
        *_kinds(rows),
        "",
        "## Notes where the two are not equal",
        "",
    ]
    for row in rows:
        if row.verdict != AGREE:
            lines.append(f"- **{row.seed}** ({row.verdict}). {row.why}".rstrip())
            for who, note in (
                ("known_laws", row.known_note),
                ("discover", "; ".join(row.notes)),
            ):
                lines.append(f"  - `{who}`: {note or 'no note'}.")
    return "\n".join(lines) + "\n"


def _line(row: Row) -> str:
    more = f" ({row.components})" if row.components > row.named else ""
    verdict = row.verdict if row.verdict == AGREE else f"**{row.verdict}**"
    return (
        f"| {row.seed} | {row.words} | {row.parameters} | {row.named}{more} | "
        f"{row.rate:.0e} | {_number(row)} | {verdict} | {row.known_seconds:.0f} | "
        f"{row.discover_seconds:.0f} |"
    )


def _number(row: Row) -> str:
    if row.complete:
        return str(row.low)
    return f"{row.low} to {'?' if row.high is None else row.high}"


def _kinds(rows: list[Row]) -> list[str]:
    found = Counter((kind, row.verdict) for row in rows for kind in set(row.kinds))
    lines = []
    for kind in sorted({kind for kind, _ in found}):
        each = [found[kind, verdict] for verdict in COLOURS]
        lines.append(f"| {kind} | {sum(each)} | {' | '.join(map(str, each))} |")
    return lines


def draw(rows: list[Row], path: Path) -> None:
    """Numbers by seed, ordered by D; and seconds against D."""
    plt.rcParams |= SETTINGS
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 3.2), layout="constrained", width_ratios=(2, 1)
    )
    ordered = sorted(rows, key=lambda row: (row.parameters, row.seed))
    for place, row in enumerate(ordered):
        high = row.parameters if row.high is None else row.high
        left.plot([place] * 2, [row.low, high], color="#bbbbbb", linewidth=4)
        left.plot(place, row.named, ".", color=COLOURS[row.verdict])
    left.set(xlabel="architecture, by number of parameters", ylabel="independent laws")
    left.plot([], [], color="#bbbbbb", linewidth=4, label="bounds of discover")
    for verdict, colour in COLOURS.items():
        left.plot([], [], ".", color=colour, label=f"named: {verdict}")
    left.legend(frameon=False, fontsize=7)
    size = [row.parameters for row in rows]
    for of, marker in (("known", "."), ("discover", "x")):
        seconds = [getattr(row, f"{of}_seconds") for row in rows]
        right.semilogy(size, seconds, marker, color="#444444", label=of)
    right.set(xlabel="parameters", ylabel="seconds of CPU time")
    right.legend(frameon=False, fontsize=7)
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
