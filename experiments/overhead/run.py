"""What a solve costs beyond its gradients.

    python experiments/overhead/run.py [--out DIR] [--parameters 33,601,9610,100060]

The wall time of a compiled solve over the time of as many bare jitted gradients (and,
for collocation, Hessian-vector products in the batches that it takes). On the default
device of JAX; `table-DEVICE.md` is written.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np

import gfflow as gf

FLOW = gf.GradientFlow()
SAMPLES = 1000
NETWORKS = {
    33: [2, 8, 1],
    601: [4, 100, 1],
    9610: [64, 128, 10],
    100060: [64, 1334, 10],
}
T1 = {33: 300.0, 601: 20.0, 9610: 20.0, 100060: 5.0}
ATTEMPTS = 5


class Timed(NamedTuple):
    """Seconds, and what was done in them."""

    seconds: float
    gradients: float
    products: float


def problem(parameters: int) -> gf.Problem:
    """A tanh network on standard normal inputs, 1000 of them."""
    widths = NETWORKS[parameters]
    random = np.random.default_rng(0)
    x = random.standard_normal((SAMPLES, widths[0]))
    y = np.sin(x @ random.standard_normal((widths[0], widths[-1])))
    model = gf.models.MLP(widths, activation="tanh", key=jax.random.key(0))
    return gf.Problem(model, "mse", (x, y))


def gradient_seconds(case: gf.Problem) -> float:
    """The median time of a compiled gradient, over two seconds."""
    gradient, spent = eqx.filter_jit(lambda p, x: p.gradient(x)), []
    call = lambda: gradient(case, case.parameters)
    jax.block_until_ready(call())
    end = time.perf_counter() + 2
    while time.perf_counter() < end:
        spent.append(_seconds(call))
    return float(np.median(spent))


def through_gfflow(case: gf.Problem, t1: float, solver) -> Timed:
    """The fastest of a few calls of `gfflow.solve` after the first."""
    solve = lambda: gf.solve(
        FLOW,
        case,
        t1=t1,
        rtol=1e-6,
        solver=solver,
        saveat=np.array([t1]),
        parameters_every=0,
    )
    found = solve()
    seconds = min(_seconds(solve) for _ in range(ATTEMPTS))
    return Timed(seconds, found.cost.gradients, found.cost.hvps)


def through_diffrax(case: gf.Problem, t1: float) -> Timed:
    """Diffrax's own loop with Dopri8, for comparison."""
    field = diffrax.ODETerm(FLOW.vector_field)
    atol = 1e-6 * float(
        jnp.sqrt(jnp.mean(jax.flatten_util.ravel_pytree(case.parameters)[0] ** 2))
    )

    @jax.jit
    def solve():
        return diffrax.diffeqsolve(
            field,
            diffrax.Dopri8(),
            0.0,
            t1,
            None,
            case.parameters,
            case,
            stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=atol),
            max_steps=10**6,
        )

    steps = int(jax.block_until_ready(solve()).stats["num_steps"])
    seconds = min(
        _seconds(lambda: jax.block_until_ready(solve().ys)) for _ in range(ATTEMPTS)
    )
    return Timed(seconds, 13 * steps, 0)


def _seconds(call) -> float:
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--parameters", default=",".join(map(str, NETWORKS)))
    options = parser.parse_args()
    device = jax.devices()[0]
    lines = [
        f"Device: {device.device_kind}, float64, {SAMPLES} samples, rtol 1e-6.",
        "Ratio: wall time over gradients × a bare gradient + products × a bare one.",
        "",
        "| D | gradient | product | Dopri8 in Diffrax | Dopri8 in gfflow | gradients "
        "| Radau IIA(5) | gradients | products | Auto | gradients | products |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for parameters in map(int, options.parameters.split(",")):
        case, t1 = problem(parameters), T1[parameters]
        before = gradient_seconds(case)
        raw = through_diffrax(case, t1)
        explicit = through_gfflow(case, t1, "dopri8")
        implicit = through_gfflow(case, t1, "radau_iia")
        chosen = through_gfflow(case, t1, "auto")
        gradient = min(before, gradient_seconds(case))
        product = gradient * gf.product_ratio(case)
        ratio = lambda t: t.seconds / (t.gradients * gradient + t.products * product)
        lines.append(
            f"| {parameters} | {1e3 * gradient:.3g} ms | {1e3 * product:.3g} ms "
            f"| {ratio(raw):.2f} | {ratio(explicit):.2f} | {explicit.gradients:.0f} "
            f"| {ratio(implicit):.2f} | {implicit.gradients:.0f} "
            f"| {implicit.products:.0f} "
            f"| {ratio(chosen):.2f} | {chosen.gradients:.0f} | {chosen.products:.0f} |"
        )
        print(lines[-1], flush=True)
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"table-{device.platform}.md"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
