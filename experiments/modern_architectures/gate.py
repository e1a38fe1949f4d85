"""The gate of a mixture of experts: is Σ_j G_j conserved?

p(z) is the gate, z = Gx, y = Σ_e p_e(z) E_e(x). The field of a law of G alone contains
Σ_e (w·E_e) ∂_G p_e for every value of the experts (they have biases), hence each
∂_G p_e(Gx). For p_e = σ(z_e)/Σ_f σ(z_f), since σ' = σ(1 − σ),

    ∂p_e/∂z_j = p_e (δ_ej − p_j)(1 − σ(z_j)),

which summed over j is p_e((1 − σ(z_e)) − Σ_j p_j (1 − σ(z_j))): 0 for all e only where
all z_j agree. Σ_j G_j moves. For the softmax the factors (1 − σ) are absent, and the
sum is 0.

Here with exact fractions: with G_ji = ln A_ji and whole x, e^{z_j} = Π_i A_ji^{x_i} is
rational, and the rank of the rows ∂_G p_e(Gx) is that of a matrix of fractions. If it
is the number of entries of G at one point then it is near there too, and nothing is
conserved, whatever its form.
"""

import random
from fractions import Fraction
from itertools import product
from math import prod

import jax
import jax.numpy as jnp
import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from streams import EXPERTS, GATES

import gfflow as gf

INPUTS = 2
SCALES = np.logspace(-4, 1, 11)


def row(odds: list[Fraction], x: tuple[int, ...], kind: str) -> list[list[Fraction]]:
    """∂_G p_e for each e, flat, from e^{z_j} and x."""
    open_ = [o / (1 + o) for o in odds] if kind == "sigmoid" else odds
    p = [o / sum(open_) for o in open_]
    factor = [1 - o for o in open_] if kind == "sigmoid" else [Fraction(1)] * len(odds)
    return [
        [
            p[e] * ((e == j) - p[j]) * factor[j] * xi
            for j in range(len(odds))
            for xi in x
        ]
        for e in range(len(odds))
    ]


def rank(rows: list[list[Fraction]]) -> int:
    """Of a matrix of fractions, by elimination."""
    rows, found = [r[:] for r in rows], 0
    for column in range(len(rows[0])):
        pivot = next((k for k in range(found, len(rows)) if rows[k][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for k in range(found + 1, len(rows)):
            factor = rows[k][column] / rows[found][column]
            if factor:
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[found])]
        found += 1
    return found


def certificate() -> dict:
    """Exact ranks of both gates at one point, and one rate of Σ_j G_j by hand."""
    draw = random.Random(0)
    odds = [
        [Fraction(draw.randint(1, 9), draw.randint(1, 9)) for _ in range(INPUTS)]
        for _ in range(EXPERTS)
    ]
    inputs = [x for x in product((-1, 0, 1, 2), repeat=INPUTS) if any(x)]
    found = {}
    for kind in ("softmax", "sigmoid"):
        rows = []
        for x in inputs:
            at = [
                prod((a**i for a, i in zip(line, x)), start=Fraction(1))
                for line in odds
            ]
            rows += row(at, x, kind)
        sums = max(
            abs(sum(r[j * INPUTS + i] for j in range(EXPERTS)))
            for r in rows
            for i in range(INPUTS)
        )
        found[kind] = {
            "rank": rank(rows),
            "entries of G": EXPERTS * INPUTS,
            "largest rate of a column sum": str(sums),
        }
    # Two experts of constant output 1 and 0, x = 1, e^G = (2, 1), ½p², target 0:
    # p = 4/7, and (Σ_j G_j)' = −p Σ_j ∂p/∂z_j.
    first, _ = row([Fraction(2), Fraction(1)], (1,), "sigmoid")
    p = Fraction(4, 7)
    return {
        "exp(G)": [[str(a) for a in line] for line in odds],
        "inputs": [list(x) for x in inputs],
        **found,
        "by hand": {
            "exp(G)": ["2", "1"],
            "experts": [1, 0],
            "x": 1,
            "loss": "half the square of the output",
            "rate of G_1 + G_2": str(-p * sum(first)),
        },
    }


def rates() -> dict[str, list[float]]:
    """The largest rate of a column sum over that of its terms, by the scale of G."""
    found: dict[str, list[float]] = {}
    for block in GATES:
        problem, curve = block.problem(), []
        for scale in SCALES:
            params = problem.model.params
            params = params | {"g": scale * params["g"]}
            here = gf.Problem.from_function(
                block.fn, params, "mse", (problem.inputs, problem.targets)
            )
            field = jax.grad(lambda m: here.value(m))(here.parameters).params["g"]
            terms = jnp.sum(jnp.abs(field), 0)
            curve.append(float(jnp.max(jnp.abs(jnp.sum(field, 0)) / terms)))
        found[block.name] = curve
    return found


def section(certified: dict, curves: dict[str, list[float]]) -> str:
    """The certificate and the rates as Markdown."""
    lines = [
        "",
        "# The gate",
        "",
        "Exact rank of the fields of G (3 experts, 2 inputs), in fractions, at one "
        "point; `gate.json` has the point.",
        "",
        "| gate | entries of G | rank | laws of G | largest exact rate of a column "
        "sum |",
        "|---|---|---|---|---|",
    ]
    for kind, name in (("softmax", "softmax"), ("sigmoid", "sigmoid, normalised")):
        one = certified[kind]
        size, found = one["entries of G"], one["rank"]
        lines.append(
            f"| {name} | {size} | {found} | {size - found} | "
            f"{float(Fraction(one['largest rate of a column sum'])):.3g} |"
        )
    hand = certified["by hand"]["rate of G_1 + G_2"]
    lines += [
        "",
        "By hand: experts of constant output 1 and 0, x = 1, e^G = (2, 1), loss ½p₁²: "
        f"(G₁ + G₂)' = {hand}.",
        "",
        "Largest rate of a column sum over the size of its terms, by the scale of G.",
        "",
        "| gate | " + " | ".join(f"{x:.0e}" for x in SCALES[::2]) + " |",
        "|---|" + "---|" * len(SCALES[::2]),
    ]
    for name, curve in curves.items():
        cells = " | ".join(f"{x:.1e}" for x in curve[::2])
        lines.append(f"| {name.removeprefix('gate: ')} | {cells} |")
    return "\n".join(lines) + "\n"


def draw(path, curves: dict[str, list[float]]) -> None:
    """Write the figure: the same rates."""
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, axis = plt.subplots(figsize=(4.6, 2.8), layout="constrained")
    for colour, (name, curve) in zip(("#1b7f5c", "#c2452d", "#2b5fa8"), curves.items()):
        values = np.maximum(curve, 1e-18)
        axis.loglog(SCALES, values, color=colour, marker=".", label=name)
    axis.set(xlabel="scale of the gate G", title="|rate of 1ᵀG| over that of its terms")
    axis.set_ylim(1e-18, 3)
    axis.legend(frameon=False, fontsize=7)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
