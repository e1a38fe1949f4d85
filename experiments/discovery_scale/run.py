"""How the time of a discovery grows with the number of parameters.

    python experiments/discovery_scale/run.py [--out DIR]

The black box on two-layer networks of about 250, 500, 1000 and 2000 parameters, on the
default device of JAX; `table-DEVICE.md` is written. Each row has the growth exponent
between it and the row before, d log(seconds) / d log(D).
"""

import argparse
import math
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import gfflow as gf

SIZES = (250, 500, 1000, 2000)


class Row(NamedTuple):
    family: str
    parameters: int
    number: int | None
    expected: int
    complete: bool
    ranks: tuple[int, ...]
    seconds: float


def relu(units: int):
    model = gf.models.MLP([16, units, 16], key=jax.random.key(0))
    return (model, (16,)), units


def gelu(units: int):
    model = gf.models.MLP([16, units, 16], activation="gelu", key=jax.random.key(0))
    return (model, (16,)), 0


def linear(width: int):
    """Eight hidden units between wide ends: 36 laws of balancedness."""
    model = gf.models.DeepLinear([width, 8, width], key=jax.random.key(0))
    return (model, (width,)), 8 * 9 // 2


FAMILIES = {"relu": (relu, 33), "gelu": (gelu, 33), "linear": (linear, 16)}


def measure(family: str, size: int) -> Row:
    make, parameters_a_unit = FAMILIES[family]
    subject, expected = make(size // parameters_a_unit)
    began = time.perf_counter()
    found = gf.discover(subject)
    seconds = time.perf_counter() - began
    return Row(
        family,
        found.parameters,
        found.number,
        expected,
        found.complete,
        found.certificate.ranks_per_level,
        seconds,
    )


def table(rows: list[Row]) -> str:
    lines = [
        "# Time of a discovery by the black box",
        "",
        f"Written by `run.py` on {jax.default_backend()}, compilation included.",
        "",
        "| network | D | laws | expected | complete | ranks | seconds | growth |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for before, row in zip([None, *rows], rows):
        growth = "–"
        if before is not None and before.family == row.family:
            ratio = math.log(row.seconds / before.seconds)
            growth = f"{ratio / math.log(row.parameters / before.parameters):.1f}"
        lines.append(
            f"| {row.family} | {row.parameters} | {row.number} | {row.expected} | "
            f"{'yes' if row.complete else 'no'} | {' '.join(map(str, row.ranks))} | "
            f"{row.seconds:.1f} | {growth} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    out = parser.parse_args().out
    gf.discover(relu(16)[0])
    rows = []
    for family in FAMILIES:
        for size in SIZES:
            rows.append(measure(family, size))
            print(rows[-1], flush=True)
    name = f"table-{jax.default_backend()}.md"
    (out / name).write_text(table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
