"""Sixty random architectures: laws read off gradients beside a search for laws.

    python experiments/random_architectures/run.py [--seeds N ...] [--out DIR]

writes rows.json, table.md and figure.svg beside itself, in some half an hour on one
core; with --seeds the other rows are those of the run before. Ends with 1 if two
statements contradict each other.
"""

import argparse
import json
import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

from comparison import DISAGREE, Row, compared
from report import draw, table

HERE = Path(__file__).parent
SEEDS = range(60)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--seeds", type=int, nargs="+", help="compare these again")
    arguments = parser.parse_args()
    kept, rows = arguments.out / "rows.json", {}
    if arguments.seeds is not None and kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        rows = {row["seed"]: Row(**row) for row in stored}
    for seed in SEEDS if arguments.seeds is None else arguments.seeds:
        row = rows[seed] = compared(seed)
        bounds = f"{row.low} to {row.high}"
        seconds = f"{row.known_seconds:.1f} s + {row.discover_seconds:.1f} s"
        said = f"named {row.named}, discover {bounds}, {row.verdict} {row.why}"
        print(f"{seed}: {row.words}\n   {said} ({seconds})", flush=True)
        print(f"   [{row.known_note}] {row.notes}", flush=True)
        ordered = [rows[n]._asdict() for n in sorted(rows)]
        text = json.dumps(ordered, indent=1, ensure_ascii=False) + "\n"
        kept.write_text(text, encoding="utf-8")
        jax.clear_caches()
    rows = [rows[n] for n in sorted(rows)]
    (arguments.out / "table.md").write_text(table(rows), encoding="utf-8")
    draw(rows, arguments.out / "figure.svg")
    return int(any(row.verdict == DISAGREE for row in rows))


if __name__ == "__main__":
    sys.exit(main())
