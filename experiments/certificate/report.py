"""The rows of the experiment as a table in Markdown."""

from collections.abc import Sequence

import numpy as np
from problems import IN_SINGLE, SMOOTH, WITH_KINKS

HEAD = """# True error over the bound

The error of the last state against a reference of 200 bits, over `certificate.error`.
Under: how many solutions have it at 1 or less. Near: at a tenth or more. Least: the
rows at the least tolerance of the dtype, which the others leave out. Cost: gradients
of the certificate over those of the solution, the median. Where a finer run did not
get to the end no bound is given: such rows come last.
"""


def table(rows: Sequence) -> str:
    """By group and solver, then by case, then every row over its bound."""
    lines = [HEAD]
    lines += _head(
        "problems", "solver", "solutions", "under", "near", "median", "largest", "cost"
    )
    every, rows = rows, [row for row in rows if np.isfinite(row.error)]
    groups = {
        "smooth, constants set on these": lambda r: r.case in SMOOTH and r.tuned,
        "smooth, others": lambda r: r.case in SMOOTH and not r.tuned,
        "ReLU": lambda r: r.case in WITH_KINKS,
        "smooth, single precision": lambda r: r.case in IN_SINGLE,
    }
    for group, inside in groups.items():
        chosen = [row for row in rows if inside(row)]
        for least in (False, True):
            for solver in dict.fromkeys(row.solver for row in chosen):
                some = [r for r in chosen if r.solver == solver and _least(r) == least]
                if some:
                    title = group + (", least" if least else "")
                    lines.append(_line(title, solver, *_figures(some)))
    lines += ["", *_head("case", "smallest", "median", "largest", "largest, least")]
    for case in dict.fromkeys(row.case for row in rows):
        ratios = [_ratio(r) for r in rows if r.case == case and not _least(r)]
        least = [_ratio(r) for r in rows if r.case == case and _least(r)]
        lines.append(
            _line(
                case,
                *(f"{f(ratios):.2g}" for f in (min, np.median, max)),
                f"{max(least):.2g}" if least else "",
            )
        )
    over = [row for row in rows if not row.true_error <= row.error]
    lines += ["", f"Over the bound: {len(over)} of {len(rows)}."]
    lines += [
        f"- {r.case}, {r.solver} at {r.rtol:g}: {r.true_error:.2e}, bound {r.error:.2e}"
        for r in over
    ]
    without = [row for row in every if not np.isfinite(row.error)]
    lines += ["", f"Without a bound: {len(without)} of {len(every)}."]
    lines += [
        f"- {r.case}, {r.solver} at {r.rtol:g}: {r.true_error:.2e}" for r in without
    ]
    return "\n".join(lines) + "\n"


def _ratio(row) -> float:
    return row.true_error / row.error


def _least(row) -> bool:
    return row.rtol < (2e-6 if row.case in IN_SINGLE else 1e-13)


def _figures(rows) -> tuple:
    ratios = np.array([_ratio(row) for row in rows])
    cost = np.median([row.certificate_gradients / row.gradients for row in rows])
    return (
        len(rows),
        int(np.sum(ratios <= 1)),
        int(np.sum(ratios >= 0.1)),
        f"{np.median(ratios):.2f}",
        f"{ratios.max():.2f}",
        f"{cost:.1f}",
    )


def _head(*names: str) -> list[str]:
    return [_line(*names), "|" + "---|" * len(names)]


def _line(*cells) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
