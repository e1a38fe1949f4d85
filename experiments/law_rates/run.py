"""What it costs to record the rates of ten laws at every accepted step.

    python experiments/law_rates/run.py [--out DIR] [--samples 250,1000]

The time of compiled steps with `law_rates=True` over that without, the least of
repetitions that take turns: of the processor, which other work on the machine touches
less, and by the clock; and, free of noise, the compiler's count of operations in the
rates of one step of Dopri8 over those of its 13 gradients. On the default device of
JAX; `table-DEVICE.md` is written.
"""

import argparse
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import diffrax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

import gfflow as gf
from gfflow.integrate import prepare
from gfflow.integrate._integration import _advance as advance
from gfflow.integrate._law_rates import LawMeasure
from gfflow.solvers.protocol import runge_kutta_stages

FLOW = gf.GradientFlow()
LAWS = 10
STEPS = {"tsit5": 24, "dopri8": 12, "radau_iia": 8, "auto": 12}


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
    problem: gf.Problem, laws: list[gf.Law], solver: str, repetitions: int
) -> np.ndarray:
    """Of the compiled steps without and with the rates, taking turns: the processor's
    and the clock's, shape `(repetitions, 2, 2)`."""

    def steps(law_rates: bool):
        options = {"t1": 1e3, "rtol": 1e-6, "solver": solver, "laws": laws}
        integration = prepare(FLOW, problem, law_rates=law_rates, **options)
        carry, _ = integration.start()
        core, count = integration.core.of_the_steps, jnp.asarray(STEPS[solver])
        where = carry, integration.grid[-1], count, integration.settings
        return lambda: jax.block_until_ready(advance(core, *where))

    both = [steps(False), steps(True)]
    ends = [call()[0] for call in both]
    assert ends[0].steps == ends[1].steps == STEPS[solver]
    spent = np.zeros((repetitions, 2, 2))
    for turn in spent:
        for call, taken in zip(both, turn):
            began = time.process_time(), time.perf_counter()
            call()
            taken[:] = np.subtract((time.process_time(), time.perf_counter()), began)
    return spent


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--repetitions", type=int, default=16)
    parser.add_argument("--samples", default="250,1000")
    parser.add_argument("--solvers", default=",".join(STEPS))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    device = jax.devices()[0]
    lines = [
        f"Device: {device.device_kind}, float64, rtol 1e-6, ten "
        f"laws; the least of {options.repetitions} times of so many steps.",
        "",
        "| problem | D | N | solver | steps | processor (ms) | with rates (ms) | more "
        "| median of pairs | more by the clock | operations in the rates over those in "
        "the gradients, Dopri8 |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    cases = [
        (make, n) for n in map(int, options.samples.split(",")) for make in (deep, wide)
    ]
    for make, samples in cases:
        problem, laws = make(samples)
        share = share_of_operations(problem, laws)
        for solver in options.solvers.split(","):
            spent = seconds(problem, laws, solver, options.repetitions)
            least = 1e3 * spent.min(axis=0)
            more = least[1] / least[0] - 1
            pairs = np.median(spent[:, 1, 0] / spent[:, 0, 0]) - 1
            lines.append(
                f"| {make.__name__} | {problem.size} | {samples} | {solver} | "
                f"{STEPS[solver]} | {least[0, 0]:.1f} | {least[1, 0]:.1f} | "
                f"{more[0]:+.1%} | {pairs:+.1%} | {more[1]:+.1%} | {share:.2%} |"
            )
            print(lines[-1], flush=True)
    path = options.out / f"table-{device.platform}.md"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
