"""Adversarial training as a saddle flow, on digits: which laws survive.

    python experiments/adversarial/run.py [--only WORD] [--out DIR]

writes table.md and figure.svg beside itself.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from games import GAMES, Game

import gfflow as gf

HERE = Path(__file__).parent
IMAGES, HIDDEN, CLASSES, TIME = 128, 8, 10, 1.0
SMALL = 3


class Row(NamedTuple):
    """**Attributes:**

    - `losses`: at the start and the end; `claims`: by name verdict, rate and drift.
    - `found`: by discovery on a network of width 3, from lower to upper bound;
        `descent`: the same for plain descent of all.
    """

    game: Game
    losses: tuple[float, float]
    claims: dict[str, tuple[str, float, float]]
    found: tuple[int, int | None]
    curves: dict[str, np.ndarray]
    ts: np.ndarray
    seconds: float

    @property
    def right(self) -> bool:
        return all(
            verdict == self.game.claims[name][1]
            for name, (verdict, *_) in self.claims.items()
        )


def measure(game: Game, x, y) -> Row:
    began = time.perf_counter()
    problem, flow = game.problem(x, y, HIDDEN, CLASSES), game.flow()
    laws = [
        gf.Law(lambda model, fn=fn: fn(model.params), name)
        for name, (fn, _) in game.claims.items()
    ]
    saveat = gf.log_times(1e-3, TIME, 40)
    solution = gf.solve(
        flow,
        problem,
        saveat=saveat,
        rtol=1e-7,
        solver="dopri5",
        laws=laws,
        max_steps=20_000,
    )
    report = gf.check(solution, laws, ladder=False)
    claims = {
        one.name: (str(one.verdict), float(one.rate), float(one.max_drift))
        for one in report.values()
    }
    curves = {}
    for law in laws:
        values = np.asarray(solution.laws[law.name])
        size = max(float(np.max(np.abs(values))), 1.0)
        curves[law.name] = np.max(np.abs(values - values[0]), axis=1) / size
    random = np.random.default_rng(1)
    small = random.standard_normal((SMALL + 1, SMALL))
    labels = random.integers(0, SMALL, SMALL + 1)
    found = gf.discover(game.problem(small, labels, SMALL, SMALL), flow)
    return Row(
        game,
        (float(solution.losses[0]), float(solution.losses[-1])),
        claims,
        (found.lower_bound, found.upper_bound),
        curves,
        np.asarray(solution.ts),
        time.perf_counter() - began,
    )


def table(rows: list[Row]) -> str:
    lines = [
        "# Laws under an adversary",
        "",
        f"Written by `run.py`. A ReLU network with {HIDDEN} units and biases on "
        f"{IMAGES} digits, flow time {TIME:g}; the loss at its start and end; verdict, "
        "largest |ḣ| over its terms, largest drift over scale. Number of laws by "
        f"discovery: a network of widths {SMALL}, {SMALL}, {SMALL} on {SMALL + 1} "
        "images, lower to upper bound.",
        "",
        "| adversary | loss | statement: verdict (rate, drift) | discovered |",
        "|---|---|---|---|",
    ]
    for row in rows:
        low, high = row.found
        number = str(low) if low == high else f"{low} to {high}"
        claims = "; ".join(
            f"{name}: {verdict} ({rate:.0e}, {drift:.0e})"
            for name, (verdict, rate, drift) in row.claims.items()
        )
        lines.append(
            f"| {row.game.name} | {row.losses[0]:.3f} → {row.losses[1]:.3f} | {claims} "
            f"| {number} |"
        )
    right = sum(row.right for row in rows)
    return "\n".join([*lines, "", f"{right} of {len(rows)} as theory says."]) + "\n"


def draw(rows: list[Row], path: Path) -> None:
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, axis = plt.subplots(figsize=(6, 3), layout="constrained")
    row = next(row for row in rows if row.game.name.startswith("a linear map"))
    for colour, (name, curve) in zip(
        ("#2b5fa8", "#1b7f5c", "#c2452d"), row.curves.items()
    ):
        curve = np.maximum(curve[1:], 1e-17)
        axis.loglog(row.ts[1:], curve, color=colour, label=name)
    axis.set(xlabel="flow time", title="drift while A ascends and the network descends")
    axis.set_ylim(1e-17, 3)
    axis.legend(frameon=False, fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", default="", help="games with this in their name")
    arguments = parser.parse_args()
    x, y = gf.data.digits(samples=IMAGES, targets="labels")
    rows = []
    for game in GAMES:
        if arguments.only in game.name:
            rows.append(row := measure(game, x, y))
            mark = "" if row.right else "  <- not as theory says"
            print(
                game.name,
                row.losses,
                row.claims,
                row.found,
                f"{row.seconds:.1f} s{mark}",
                flush=True,
            )
    if arguments.only:
        return 0
    (arguments.out / "table.md").write_text(table(rows), encoding="utf-8")
    draw(rows, arguments.out / "figure.svg")
    return 0 if all(row.right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
