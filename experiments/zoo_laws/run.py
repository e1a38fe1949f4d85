"""The laws that are read off models written by hand, and how many there are by theory.

    python experiments/zoo_laws/run.py [--out DIR] [--only TEXT]

Each model is a dictionary of arrays and a function, of `tests/laws/`, where the numbers
of theory are derived. `results.md` is written: what `gf.known_laws` names, counted by
the rank of the gradients at a random point, what `gf.discover` finds, and the seconds
of both, compilation included.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent.parent))

import gfflow as gf
from tests.laws import hand_written
from tests.laws.counting import conserved, count
from tests.laws.theory_written import AT_REST, MOVING
from tests.laws.zoo_written import ZOO, Variant, problem_of

MOST = 300


class Row(NamedTuple):
    model: str
    parameters: int
    theory: int
    named: int
    named_seconds: float
    number: str
    discover_seconds: float | None
    note: str


def variant(case: hand_written.Case) -> Variant:
    """The same in the words of the zoo: paths begin inside of its dictionary."""
    shapes, fn, sample, output, laws, loss, trainable = case
    trainable = trainable and tuple(path.removeprefix("p") for path in trainable)
    return Variant(shapes, fn, sample, output, laws, loss, trainable=trainable)


def sections() -> Iterator[tuple[str, dict[str, Variant]]]:
    written = hand_written.TRUE | hand_written.NONE
    yield "The zoo", ZOO
    yield (
        "Architectures of the literature",
        AT_REST | {name: variant(case) for name, case in written.items()},
    )
    yield "Under momentum, friction 1", MOVING


def measure(name: str, one: Variant) -> Row:
    problem = problem_of(one)
    began = time.perf_counter()
    laws = gf.known_laws(problem, one.flow)
    seconds = time.perf_counter() - began
    found = count(conserved(laws), problem, one.flow)
    assert found.off < 1e-12, name
    number, discovered, note = "–", None, ""
    if problem.size <= MOST:
        began = time.perf_counter()
        search = gf.discover(problem, one.flow)
        discovered = time.perf_counter() - began
        low, high = search.lower_bound, search.upper_bound
        number = str(search.number) if low == high else f"{low} to {high}"
        note = "; ".join(search.notes)
    return Row(
        name,
        problem.size,
        one.laws,
        found.independent,
        seconds,
        number,
        discovered,
        note,
    )


def table(title: str, rows: list[Row]) -> list[str]:
    lines = [
        f"## {title}",
        "",
        "| model | D | by theory | named by `known_laws` | seconds | by `discover` | "
        "seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    notes = []
    for row in rows:
        named = str(row.named) if row.named == row.theory else f"**{row.named}**"
        seconds = "–" if row.discover_seconds is None else f"{row.discover_seconds:.1f}"
        lines.append(
            f"| {row.model} | {row.parameters} | {row.theory} | {named} | "
            f"{row.named_seconds:.1f} | {row.number} | {seconds} |"
        )
        if row.note:
            notes.append(f"- {row.model}: {row.note}.")
    return [*lines, "", *(["Notes of `discover`:", "", *notes, ""] if notes else [])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=FOLDER)
    parser.add_argument("--only", default="", help="models with this in their name")
    arguments = parser.parse_args()
    lines = [
        "# Laws of models written by hand",
        "",
        f"Written by `run.py` on {jax.default_backend()}. In bold where fewer are "
        "named than there are.",
        "",
    ]
    for title, variants in sections():
        rows = []
        for name, one in variants.items():
            if arguments.only in name:
                rows.append(measure(name, one))
                print(rows[-1], flush=True)
        lines += table(title, rows)
    text = "\n".join(lines).rstrip() + "\n"
    (arguments.out / "results.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
