"""Laws of the blocks of modern architectures, by measurement.

    python experiments/modern_architectures/run.py [--only WORD] [--out DIR]

writes rows.json, table.md, gate.json and figure.svg beside itself. With --only the
other rows are those of the run before.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import gate
from blocks import BLOCKS, Block, law
from streams import GATES, STREAMS

import gfflow as gf

HERE = Path(__file__).parent
FLOW = gf.GradientFlow()
ALL = [*BLOCKS, *STREAMS, *GATES]


class Row(NamedTuple):
    """**Attributes:**

    - `found`: number of laws by discovery, its bounds; `named`: components of
        `known_laws`.
    - `claims`: by name, the verdict, and the largest rate over that of its terms.
    """

    parameters: int
    found: tuple[int, int]
    named: int | None
    claims: dict[str, tuple[str, float]]
    seconds: float

    def right(self, block: Block) -> bool:
        verdicts = {name: verdict for name, (verdict, _) in self.claims.items()}
        wanted = {name: claim[1] for name, claim in block.claims.items()}
        return self.found[1] == block.number and verdicts == wanted


def measure(block: Block) -> Row:
    began = time.perf_counter()
    problem = block.problem()
    found = gf.discover(problem, FLOW, only=block.only)
    named = None
    if block.only is None:
        laws = gf.known_laws(problem, FLOW)
        named = sum(one(0.0, problem.model).size for one in laws)
    laws = [law(name, claim) for name, claim in block.claims.items()]
    solution = gf.solve(
        FLOW, problem, t1=0.5, rtol=1e-6, solver="dopri5", laws=laws, max_steps=20_000
    )
    report = gf.check(solution, laws, ladder=False)
    claims = {r.name: (str(r.verdict), float(r.rate)) for r in report.values()}
    bounds = found.lower_bound, found.upper_bound
    seconds = time.perf_counter() - began
    return Row(problem.size, bounds, named, claims, seconds)


def table(rows: dict[str, Row]) -> str:
    lines = [
        "# Laws of the blocks of modern architectures",
        "",
        "Written by `run.py`. D: parameters; number of laws by theory, by discovery "
        "(lower to upper bound), components that `known_laws` names (not all of them "
        "independent; – where the laws of a part of the parameters are counted). Then "
        "statements, with verdict and largest |ḣ| over the size of its terms. Seconds "
        "of all that, compilation included.",
        "",
        "| block | from | D | theory | discovered | named | statement: verdict (rate) "
        "| seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    right = 0
    for block in ALL:
        if block.name not in rows:
            continue
        row = rows[block.name]
        right += row.right(block)
        low, high = row.found
        number = str(low) if low == high else f"{low} to {high}"
        named = "–" if row.named is None else str(row.named)
        claims = "; ".join(
            f"{name}: {verdict} ({rate:.0e})"
            for name, (verdict, rate) in row.claims.items()
        )
        lines.append(
            f"| {block.name} | {block.source} | {row.parameters} | {block.number} | "
            f"{number} | {named} | {claims} | {row.seconds:.0f} |"
        )
    return "\n".join([*lines, "", f"{right} of {len(rows)} as theory says."]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", help="measure blocks with this in their name again")
    arguments = parser.parse_args()
    kept = arguments.out / "rows.json"
    rows = {}
    if arguments.only is not None and kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        rows = {name: Row(*values) for name, values in stored.items()}
    for block in ALL:
        if (arguments.only or "") in block.name:
            rows[block.name] = row = measure(block)
            print(block.name, block.number, *row, row.right(block), flush=True)
            kept.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    certificate, scales = gate.certificate(), gate.rates()
    text = table(rows) + gate.section(certificate, scales)
    (arguments.out / "table.md").write_text(text, encoding="utf-8")
    (arguments.out / "gate.json").write_text(
        json.dumps(certificate, indent=1) + "\n", encoding="utf-8"
    )
    gate.draw(arguments.out / "figure.svg", scales)
    return 0 if all(rows[b.name].right(b) for b in ALL if b.name in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
