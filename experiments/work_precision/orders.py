"""Orders by regression, and how far Gauss–Legendre lets quadratic laws drift.

    python experiments/work_precision/orders.py [FOLDER]

writes orders.md.
"""

import sys
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import diffrax
import jax.numpy as jnp
import numpy as np

import gfflow as gf
from gfflow.integrate import taken
from gfflow.solvers import GaussLegendre, RadauIIA
from gfflow.verdict import drift_of, largest_scales

FLOW = gf.GradientFlow()
_TIMES = {2: 0.3, 5: 4.0, 7: 40.0, 9: 400.0}
ACTIVATIONS = ("relu", "leaky_relu", "relu_squared")


def errors(solver, stages: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of steps, and the errors they leave, from which an order is read.

    Constant steps on y' = 5 (1 + ε|y|²) Ry, R a quarter turn, whose orbit is known; the
    last eight errors between 1e-2 and 1e-11, of steps that turn by 4 rad at most. The
    highest orders need a long time at a small ε for a window in which the steps are
    short, the equations of the stages solved, and the error above round-off.
    """
    t1 = next(t for most, t in _TIMES.items() if stages <= most)
    weak = 0.1 if stages < 6 else 0.01
    angle = 5 * (1 + weak) * t1
    exact = np.array([np.cos(angle), np.sin(angle)])

    def field(t, y, args):
        return 5 * (1 + weak * jnp.sum(y**2)) * jnp.stack([-y[1], y[0]])

    @jax.jit
    def error(dt):
        term, start = diffrax.ODETerm(field), jnp.array([1.0, 0.0])
        found = diffrax.diffeqsolve(term, solver, 0.0, t1, dt, start, max_steps=8192)
        return jnp.linalg.norm(found.ys[0] - exact)

    spacing = 0.25 if stages < 6 else 0.06
    steps, found = [], []
    counts = np.unique(np.round(2 ** np.arange(1.0, 12.6, spacing))).astype(int)
    for count in counts[counts >= 5 * t1 / 4]:
        steps.append(count)
        found.append(float(error(t1 / count)))
        if found[-1] < 1e-11:
            break
    steps, found = np.array(steps), np.array(found)
    used = (found < 1e-2) & (found > 1e-11)
    return steps[used][-8:], found[used][-8:]


def order(steps: np.ndarray, found: np.ndarray) -> float:
    """The slope of the logarithms."""
    return -np.polyfit(np.log(steps), np.log(found), 1)[0]


def preserved(model, rtol: float):
    """A short training under Gauss–Legendre: the problem, its laws, the solution."""
    x, y = gf.data.teacher_student(inputs=3, outputs=3, samples=20)
    problem = gf.Problem(model, "mse", (x, y))
    laws = gf.known_laws(problem, FLOW)
    solution = gf.solve(
        FLOW,
        problem,
        t1=0.4,
        rtol=rtol,
        solver=GaussLegendre(3, exact_invariants=True),
        laws=laws,
        saveat=gf.linear_times(0.1, 0.4, 4),
        max_steps=20_000,
    )
    return problem, laws, solution


def law_drift(solution, problem, laws) -> float:
    """The largest drift of any law over its scale."""
    ends = [
        (solution.ts[0], taken(solution.states, 0)),
        (solution.ts[-1], solution.state),
    ]
    table = {law.name: law for law in laws}
    scales = largest_scales(table, FLOW, problem, ends)
    drifts = [drift_of(law, solution, scales[law.name]) for law in laws]
    return max(float(np.max(np.abs(drift))) for drift in drifts)


def main(folder: Path) -> None:
    """Measure and write."""
    lines = ["## Orders by regression", ""]
    lines += [
        "| stages | Gauss–Legendre | 2s | Radau IIA | 2s − 1 |",
        "|---|---|---|---|---|",
    ]
    for stages in range(1, 10):
        options = {"rtol": 1e-15, "atol": 1e-15}
        gauss = order(*errors(GaussLegendre(stages, **options), stages))
        radau = order(*errors(RadauIIA(stages, **options), stages))
        row = f"{gauss:.2f} | {2 * stages} | {radau:.2f} | {2 * stages - 1}"
        lines.append(f"| {stages} | {row} |")
    key = jax.random.key(1)
    models = {"deep linear 3-4-4-3": gf.models.DeepLinear([3, 4, 4, 3], key=key)}
    for name in ACTIVATIONS:
        for widths in ([3, 6, 3], [3, 5, 5, 3]):
            model = gf.models.MLP(widths, activation=name, key=key)
            models[f"{name} {'-'.join(map(str, widths))}"] = model
    lines += [
        "",
        "## Drift of all quadratic laws under Gauss–Legendre(3), exact_invariants",
        "",
    ]
    lines += ["| model | rtol 1e-2 | rtol 1e-10 | loss lost |", "|---|---|---|---|"]
    for name, model in models.items():
        drifts = []
        for rtol in (1e-2, 1e-10):
            problem, laws, solution = preserved(model, rtol)
            assert solution.status_name == "successful"
            assert {law.degree for law in laws} == {"quadratic"}
            drifts.append(f"{law_drift(solution, problem, laws):.1e}")
            lost = 1 - float(solution.losses[-1] / solution.losses[0])
        lines.append(f"| {name} | {' | '.join(drifts)} | {lost:.0%} |")
    (folder / "orders.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
