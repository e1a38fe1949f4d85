"""All counts of the papers on conservation laws, each with a proof.

    python experiments/paper_tables/run.py [--out DIR] [--processes 2]

The architectures are those of `campaign.py`. For each, an upper bound (D − dim Lie over
two finite fields) and as many laws, verified as identities over the integers.
`table.md` is written; exit status 1 if a count is not what the papers say, or not
proved.
"""

import argparse
import multiprocessing
import sys
import time
from pathlib import Path
from typing import NamedTuple

from campaign import Case, studies

HERE = Path(__file__).parent


class Counted(NamedTuple):
    case: Case
    name: str
    parameters: int
    lower: int
    upper: int
    ranks: tuple[int, ...]
    seconds: float

    @property
    def right(self) -> bool:
        return self.lower == self.upper == self.case.expected


def count(case: Case) -> Counted:
    from gfflow.discovery.exact import (
        Parametrisation,
        constant,
        exact_laws,
        families,
        free,
        nesterov,
    )

    began = time.perf_counter()
    frictions = {"free": free, "constant": constant, "nesterov": nesterov(3)}
    options = {"output_bias": False} if case.family == "relu" else {}
    made = getattr(families, case.family)(*case.arguments, **options)
    if case.searched:
        made = Parametrisation(made.name, made.layout, made.coordinates)
    found = exact_laws(made, momentum=frictions.get(case.friction))
    return Counted(
        case,
        made.name,
        made.size,
        found.lower_bound,
        found.upper_bound,
        found.ranks_per_level,
        time.perf_counter() - began,
    )


def table(counted: list[Counted], wall: float) -> str:
    lines = [
        "# Conservation laws, counted exactly",
        "",
        "Written by `run.py`. A count is right where lower bound = upper bound = what "
        "the papers say.",
        "",
        "| study | counts | right | seconds | authors, 64 threads, seconds |",
        "|---|---|---|---|---|",
    ]
    chosen = [(s, [c for c in counted if c.case.study == s.name]) for s in studies()]
    for study, rows in chosen:
        seconds = sum(row.seconds for row in rows)
        lines.append(
            f"| {study.name} | {len(rows)} | {sum(row.right for row in rows)} | "
            f"{seconds:.2f} | {study.seconds} |"
        )
    lines.append(
        f"| all | {len(counted)} | {sum(row.right for row in counted)} | "
        f"{sum(row.seconds for row in counted):.2f} (wall {wall:.1f}) | "
        f"{sum(study.seconds for study, _ in chosen)} |"
    )
    for study, rows in chosen:
        lines += [
            "",
            f"## {study.name}",
            "",
            "| architecture | τ | D | laws | upper bound | expected | ranks | ms |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            lines.append(
                f"| {row.name} | {row.case.friction or '–'} | {row.parameters} | "
                f"{row.lower} | {row.upper} | {row.case.expected} | "
                f"{' '.join(map(str, row.ranks))} | {1e3 * row.seconds:.0f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    cases = [case for study in studies() for case in study.draw(study.name)]
    began = time.perf_counter()
    context = multiprocessing.get_context("spawn")
    with context.Pool(arguments.processes) as pool:
        counted = pool.map(count, cases, chunksize=4)
    wall = time.perf_counter() - began
    (arguments.out / "table.md").write_text(table(counted, wall), encoding="utf-8")
    wrong = [row for row in counted if not row.right]
    for row in wrong:
        print(f"wrong: {row}", file=sys.stderr)
    print(f"{len(counted)} counts, {len(wrong)} wrong, {wall:.1f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
