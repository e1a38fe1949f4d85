"""References of the cases: the states at t1 to 200 bits, rounded to double precision.

    python experiments/certificate/references.py [CASE ...]

writes references.json. Each is found twice, at 200 and at 140 bits, and the two must
agree to 1e-30; the field must be JAX's to 1e-12 at the start (1e-5 in
single precision).
"""

import json
import sys
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
import twin
from jax.flatten_util import ravel_pytree
from problems import CASES, SINGLE, Case

FILE = Path(__file__).parent / "references.json"
FEWER_BITS = 140


def load() -> dict[str, np.ndarray]:
    """Case → the state at t1, flat."""
    found = json.loads(FILE.read_text(encoding="utf-8"))
    return {name: np.array(entry["state"]) for name, entry in found.items()}


def field_error(case: Case) -> float:
    """‖f − f*‖/‖f*‖ of JAX's field at the start, f* by heyoka in double precision."""
    problem = case.problem()
    start = case.flow.initial_state(problem)
    ours, _ = ravel_pytree(case.flow.vector_field(0.0, start, problem))
    written = twin.Twin.of(case)
    theirs = written.rate(written.start)
    return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))


def compute(case: Case) -> dict:
    """What is written of a case.

    **Raises:** `SystemExit` where the twin or the reference is not what it must be.
    """
    began = time.perf_counter()
    error = field_error(case)
    state, kinks = twin.integrate(case)
    other, _ = twin.integrate(case, FEWER_BITS)
    difference = max(abs(float(a - b)) for a, b in zip(state, other))
    spent = time.perf_counter() - began
    print(
        f"{case.name}: {len(state)} variables, {kinks} kinks, field off by "
        f"{error:.1e}, the two differ by {difference:.1e}, {spent:.0f} s",
        flush=True,
    )
    allowed = 1e-5 if SINGLE in case.name else 1e-12
    if not (error < allowed and difference < 1e-30):
        sys.exit(f"{case.name}: no reference")
    return {"kinks": kinks, "state": [float(x) for x in state]}


def main() -> None:
    """Compute and write."""
    names = sys.argv[1:] or list(CASES)
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in names:
        found[name] = compute(CASES[name])
        rows = [f'"{name}": {json.dumps(entry)}' for name, entry in found.items()]
        FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
