"""What the rates of ten laws at the stages of a step cost beside its gradients.

    python experiments/law_rates/stages.py [--out DIR] [--repetitions 30]

Each inside a compiled loop of its own, the least processor time of loops that take
turns: on a machine with other work this is far less noisy than `run.py`, which times
whole steps. `table-stages-DEVICE.md` is written.
"""

import argparse
import time
from pathlib import Path

import run
from run import deep, diffrax, jax, jnp, jtu, np, rates

LOOP = 25


def looped(function, state, k):
    """A call that takes the processor's milliseconds of one evaluation."""

    def body(_, state):
        sums = [jnp.sum(x) for x in jtu.tree_leaves(function(state, k))]
        nudge = 1e-30 * sum(sums)
        return jtu.tree_map(lambda x: x.at[(0,) * x.ndim].add(nudge), state)

    loop = jax.jit(lambda state: jax.lax.fori_loop(0, LOOP, body, state))
    jax.block_until_ready(loop(state))

    def once() -> float:
        began = time.process_time()
        jax.block_until_ready(loop(state))
        return 1e3 * (time.process_time() - began) / LOOP

    return once


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--repetitions", type=int, default=30)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    device = jax.devices()[0]
    lines = [
        f"Device: {device.device_kind}, float64, ten laws; processor time.",
        "",
        "| problem | D | N | method | gradients of a step (ms) | rates (ms) | share | "
        "share of the operations |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for samples in (250, 1000):
        for make in (deep, run.wide):
            problem, laws = make(samples)
            state, calls = problem.parameters, {}
            for method, count in ((diffrax.Tsit5, 6), (diffrax.Dopri8, 13)):
                stack = lambda x: jnp.ones((method.tableau.num_stages, *x.shape))
                k = jtu.tree_map(stack, state)
                gradient = looped(lambda s, _: problem.gradient(s), state, k)
                recorded = looped(rates(method, problem, laws), state, k)
                calls[method.__name__, count] = gradient, recorded
            least = {key: [np.inf, np.inf] for key in calls}
            for _ in range(options.repetitions):
                for key, pair in calls.items():
                    for i, call in enumerate(pair):
                        least[key][i] = min(least[key][i], call())
            share = run.share_of_operations(problem, laws)
            for (name, count), (gradient, recorded) in least.items():
                all_ = count * gradient
                lines.append(
                    f"| {make.__name__} | {problem.size} | {samples} | {name} | "
                    f"{all_:.2f} | {recorded:.3f} | {recorded / all_:.1%} | "
                    f"{f'{share:.2%}' if count == 13 else ''} |"
                )
                print(lines[-1], flush=True)
    path = options.out / f"table-stages-{device.platform}.md"
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
