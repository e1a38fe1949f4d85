"""Verdicts on laws of known truth, true and false by ε = 1 … 1e-14.

    python experiments/verdict_calibration/run.py [--out DIR] [--seeds N]

writes table.md and figure.svg, beside itself by default; some ten minutes on two cores.
"""

import argparse
import collections
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import equinox as eqx
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from subjects import SUBJECTS, Value, problem_of

import gfflow as gf

HERE = Path(__file__).parent
EPSILONS = 10.0 ** -np.arange(0, 15)
T1, _NONE = 0.5, -99
BROKEN, CONSERVED, REGION = "broken", "conserved", "conserved-on-this-data"
VERDICTS = (BROKEN, "inconclusive", REGION, CONSERVED)
EXPECTED = {
    "true": CONSERVED,
    "coefficient": BROKEN,
    "model": BROKEN,
    "decay": BROKEN,
    "part of space": REGION,
    "part of time": REGION,
}
COLOURS = dict(zip(VERDICTS, ("#c2452d", "#999999", "#e0a526", "#1b7f5c")))


class Case(NamedTuple):
    """One verdict: of what kind of law, false by which ε, and by what of its terms."""

    subject: str
    kind: str
    dtype: str
    eps: float
    violation: float
    resolution: float
    verdict: str


def laws_of(subject, eps: float) -> list[gf.Law]:
    """T, and T false by ε in a coefficient, in a part of space, and of time."""
    total = lambda arrays: sum(jnp.sum(a**2) for a in arrays.values())
    size = lambda arrays: total(arrays) / sum(a.size for a in arrays.values())
    nothing = lambda t, law, arrays: 0 * law
    term = lambda t, law, arrays: subject.term(**arrays)
    far = lambda t, law, arrays: jax.nn.relu(size(arrays) - 9) * subject.term(**arrays)
    late = lambda t, law, arrays: jax.nn.relu(t - 2 * T1) ** 2 * subject.term(**arrays)
    kinds = {
        "true": nothing,
        "coefficient": term,
        "part of space": far,
        "part of time": late,
    }
    return [
        gf.Law(Value(subject.law, other, jnp.asarray(eps)), kind)
        for kind, other in kinds.items()
    ]


LAWS = {name: laws_of(subject, 1.0) for name, subject in SUBJECTS.items()}


def with_eps(laws: list[gf.Law], eps: float) -> list[gf.Law]:
    """The same functions with another ε: nothing is compiled for them."""
    return [eqx.tree_at(lambda law: law.fn.eps, law, jnp.asarray(eps)) for law in laws]


def weighed(name: str, seed: int, dtype: str, *, eps=0.0, inner=0.0, decay=0.0):
    """A report on the four laws, false by `eps`; a model by `inner`, a decay."""
    problem = problem_of(SUBJECTS[name], seed, inner, dtype)
    flow = gf.GradientFlow(weight_decay=jnp.asarray(decay, dtype))
    rtol = 1e-8 if dtype == "float64" else 1e-5
    solution = gf.solve(flow, problem, t1=T1, rtol=rtol, solver="tsit5")
    return gf.check(solution, with_eps(LAWS[name], eps), ladder=False, seed=seed)


def cases(seeds: int) -> Iterator[Case]:
    """All of them; a violation is that of ε = 1e-3, which is linear in ε."""
    for name in SUBJECTS:
        for dtype in ("float64", "float32"):
            for seed in range(seeds if dtype == "float64" else 1):
                yield from _of(name, seed, dtype)
        print(name, flush=True)


def _of(name: str, seed: int, dtype: str) -> Iterator[Case]:
    sources = {"coefficient": "eps", "model": "inner", "decay": "decay"}
    slopes = {}
    for kind, argument in sources.items():
        law = weighed(name, seed, dtype, **{argument: 1e-3})[
            kind if kind == "coefficient" else "true"
        ]
        slopes[kind] = law.rate / 1e-3
    for eps in EPSILONS:
        for kind, argument in sources.items():
            report = weighed(name, seed, dtype, **{argument: eps})
            at = lambda kind, law, violation: Case(
                name, kind, dtype, eps, violation, law.resolution, str(law.verdict)
            )
            if kind == "coefficient":
                yield at("true", report["true"], 0.0)
                for part in ("part of space", "part of time"):
                    slope = report[part].general_rate if eps == 1 else 1.0
                    yield at(part, report[part], slope * eps)
                yield at(kind, report[kind], slopes[kind] * eps)
            else:
                yield at(kind, report["true"], slopes[kind] * eps)


def table(found: list[Case], seconds: float) -> str:
    """The confusion table, by decade of the violation."""
    lines = [
        "# Verdicts by the size of the violation",
        "",
        f"{len(found)} verdicts on {len(SUBJECTS)} kinds of models in "
        f"{seconds:.0f} s. Violation: |ḣ| over the size of its terms, by powers of "
        "ten. A verdict in bold is wrong.",
    ]
    for dtype in ("float64", "float32"):
        rows = [case for case in found if case.dtype == dtype]
        finest = max(case.resolution for case in rows if case.kind == "true")
        lines += [
            "",
            f"## {dtype}",
            "",
            f"Resolution printed with true laws: at most {finest:.1e}.",
            "",
            "| law | violation | " + " | ".join(VERDICTS) + " |",
            "|---|---|" + "---|" * len(VERDICTS),
        ]
        for kind, right in EXPECTED.items():
            by_decade = collections.defaultdict(collections.Counter)
            for case in rows:
                if case.kind == kind:
                    by_decade[_decade(case.violation)][case.verdict] += 1
            for decade in sorted(by_decade, reverse=True):
                counts = [by_decade[decade][verdict] for verdict in VERDICTS]
                size = "0" if decade == _NONE else f"1e{decade}"
                wrong = lambda v: v not in (right, "inconclusive") and _told(decade)
                cells = [
                    f"**{n}**" if n and wrong(v) else str(n or "")
                    for v, n in zip(VERDICTS, counts)
                ]
                lines.append(f"| {kind} | {size} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _decade(violation: float) -> int:
    return _NONE if violation == 0 else int(np.floor(np.log10(violation)))


def _told(decade: int) -> bool:
    """Whether a violation of this size is above a hundred times the resolution."""
    return decade == _NONE or decade >= -11


def draw(found: list[Case], path: Path) -> None:
    """The share of each verdict by the violation, for laws that the run breaks."""
    rows = [c for c in found if EXPECTED[c.kind] == BROKEN and c.dtype == "float64"]
    decades = sorted({_decade(c.violation) for c in rows if c.violation > 0})
    plt.rcParams.update(
        {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    )
    figure, axes = plt.subplots(figsize=(6, 2.8))
    base = np.zeros(len(decades))
    for verdict in VERDICTS:
        share = np.array(
            [
                np.mean(
                    [c.verdict == verdict for c in rows if _decade(c.violation) == d]
                )
                for d in decades
            ]
        )
        axes.bar(decades, share, 0.9, base, label=verdict, color=COLOURS[verdict])
        base += share
    axes.set_xlabel("violation |ḣ| / terms, power of ten")
    axes.set_ylabel("share of verdicts")
    axes.legend(ncols=2, fontsize=8)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Weigh all cases and write what was said."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="a folder")
    parser.add_argument("--seeds", type=int, default=3, help="starts and data sets")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    found = list(cases(options.seeds))
    text = table(found, time.perf_counter() - began)
    (options.out / "table.md").write_text(text, encoding="utf-8")
    draw(found, options.out / "figure.svg")
    print(text)


if __name__ == "__main__":
    main()
