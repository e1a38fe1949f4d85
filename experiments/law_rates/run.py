"""What it costs to record the rates of ten laws at every accepted step.

    python experiments/law_rates/run.py [--out DIR] [--samples 1000,4000]

The wall time of whole calls of `gf.solve` with `law_rates=True` over that without, in
pairs next to each other, with about as many steps as saved rows, where a row costs
most; and, free of noise, the compiler's count of operations in the rates of one step
of Dopri8 over those of its 13 gradients. On the default device of JAX;
`table-DEVICE.md` is written.
"""

import argparse
import itertools
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import diffrax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

import gfflow as gf
from gfflow.integrate._law_rates import LawMeasure
from gfflow.solvers.protocol import runge_kutta_stages

FLOW = gf.GradientFlow()
LAWS = 10
ROWS = 50
TIMES = {"tsit5": 0.05, "dopri8": 0.02, "radau_iia": 0.02, "auto": 0.02}


def deep(samples: int) -> tuple[gf.Problem, list[gf.Law]]:
    """Ten hidden ReLU layers, and the rescaling law of each."""
    model = gf.models.MLP([64, *[32] * LAWS, 10], key=jax.random.key(0))
    problem = gf.Problem(model, "mse", data(samples))
    return problem, gf.known_laws(problem, FLOW)


def wide(samples: int) -> tuple[gf.Problem, list[gf.Law]]:
    """One hidden tanh layer, and the balance of ten groups of its units, no law."""
    model = gf.models.MLP([64, 140, 10], activation="tanh", key=jax.random.key(0))
    problem = gf.Problem(model, "mse", data(samples))
    return problem, [balance(k) for k in range(LAWS)]


def balance(group: int) -> gf.Law:
    """‖U‖² − ‖V‖² − |b|² of the fourteen units of a group."""

    def fn(model):
        units = slice(14 * group, 14 * group + 14)
        first, last = model.layers
        out, into = last.weight[:, units], first.weight[units]
        return jnp.sum(out**2) - jnp.sum(into**2) - jnp.sum(first.bias[units] ** 2)

    return gf.Law(fn, f"group {group}", degree="quadratic")


def data(samples: int):
    """Standard normal inputs, and smooth functions of them."""
    random = np.random.default_rng(0)
    x = random.standard_normal((samples, 64))
    return x, np.sin(x @ random.standard_normal((64, 10)) / 8)


def rates(method, problem: gf.Problem, laws: list[gf.Law]):
    """(state, k) → what is recorded of a step of these stages."""
    table, measure = method.tableau, LawMeasure(FLOW, {law.name: law for law in laws})
    matrix = np.zeros((table.num_stages, table.num_stages))
    for i, row in enumerate(table.a_lower, start=1):
        matrix[i, : len(row)] = row
    rule = np.append(0.0, table.c), matrix, table.b_sol

    def recorded(state, k):
        stages = runge_kutta_stages(0.0, 0.1, state, *rule, k, k, 0.1)
        return measure(stages, problem)

    return recorded


def share_of_operations(problem: gf.Problem, laws: list[gf.Law]) -> float:
    """Operations in the rates at the stages of a step of Dopri8, over those in its 13
    gradients."""
    state = problem.parameters
    stack = lambda x: jnp.ones((diffrax.Dopri8.tableau.num_stages, *x.shape), x.dtype)
    k = jtu.tree_map(stack, state)
    of_rates = operations(rates(diffrax.Dopri8, problem, laws), state, k)
    return of_rates / (13 * operations(lambda x: problem.gradient(x), state))


def operations(function, *arguments) -> float:
    """The compiler's count."""
    return jax.jit(function).lower(*arguments).compile().cost_analysis()["flops"]


def seconds(
    problem: gf.Problem, laws: list[gf.Law], solver: str, t1: float, pairs: int
) -> tuple[int, np.ndarray]:
    """The steps of a call of `solve`, and its time by the clock without and with the
    rates, one next to the other, shape `(pairs, 2)`. Nothing is compiled in them."""

    def call(law_rates: bool) -> tuple[float, int]:
        began = time.perf_counter()
        solution = gf.solve(
            FLOW,
            problem,
            t1=t1,
            rtol=1e-6,
            saveat=np.linspace(t1 / ROWS, t1, ROWS),
            solver=solver,
            laws=laws,
            law_rates=law_rates,
        )
        jax.block_until_ready(solution.losses)
        return time.perf_counter() - began, int(solution.accepted_steps)

    steps = {call(law_rates)[1] for law_rates in (False, True)}
    assert len(steps) == 1
    spent = np.zeros((pairs, 2))
    for turn, pair in enumerate(spent):
        for law_rates in (False, True) if turn % 2 else (True, False):
            pair[int(law_rates)] = call(law_rates)[0]
    return steps.pop(), spent


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--samples", default="1000")
    parser.add_argument("--solvers", default=",".join(TIMES))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    device = jax.devices()[0]
    lines = [
        f"Device: {device.device_kind}, float64, rtol 1e-6, ten laws, {ROWS} saved "
        f"rows; {options.pairs} pairs of calls of `gf.solve`.",
        "",
        "| problem | D | N | solver | steps | least (s) | with rates (s) | more | "
        "median of pairs | quartiles | operations in the rates over those in the "
        "gradients, Dopri8 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for make, solver, samples in itertools.product(
        (deep, wide),
        options.solvers.split(","),
        map(int, options.samples.split(",")),
    ):
        problem, laws = make(samples)
        share = share_of_operations(problem, laws)
        t1 = TIMES[solver]
        steps, spent = seconds(problem, laws, solver, t1, options.pairs)
        least, ratios = spent.min(axis=0), spent[:, 1] / spent[:, 0] - 1
        low, middle, high = np.percentile(ratios, (25, 50, 75))
        lines.append(
            f"| {make.__name__} | {problem.size} | {samples} | {solver} | {steps} | "
            f"{least[0]:.2f} | {least[1]:.2f} | {least[1] / least[0] - 1:+.1%} | "
            f"{middle:+.1%} | {low:+.1%} to {high:+.1%} | {share:.2%} |"
        )
        print(lines[-1], flush=True)
    path = options.out / f"table-{device.platform}.md"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
