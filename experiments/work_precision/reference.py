"""Reference solutions, found twice and checked by a method that shares nothing.

    python experiments/work_precision/reference.py [--check] [PROBLEM ...]

writes reference/PROBLEM.npz: the states at the horizons as sums of two doubles, and by
how much two runs of different order and tolerance differ. Both are Radau IIA in
extended precision on a gradient written in NumPy; for ReLU they stop at every kink, and
go on across or along it.
With `--check` it prints the difference to SciPy's DOP853 at rtol 1e-13, in double
precision on JAX's gradient (6e-15 for softplus33 at T = 5000, at most 6e-14 for
deep_linear and logistic_separable).
"""

import argparse
import sys
import time
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import collocation
import kinks
import numpy as np
import scipy.integrate
from extended import Extended, Network
from field import Field
from problems import CASES, Case

FOLDER = Path(__file__).parent / "reference"
RUNS = ((1e-12, 7), (1e-13, 9))
DENSE = 1000
KRYLOV = 250


def known(case: Case) -> bool:
    """Whether there is a reference."""
    return (FOLDER / f"{case.name}.npz").exists()


def load(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """θ(T) in extended precision, `(horizons, D)`; and how well each is known.

    **Raises:** `SystemExit` if there is none for these horizons.
    """
    if not known(case):
        raise SystemExit(f"no reference for {case.name}: run reference.py {case.name}")
    with np.load(FOLDER / f"{case.name}.npz") as file:
        states = file["high"].astype(Extended) + file["low"]
        distances = file["distance"]
    if len(states) != len(case.horizons):
        raise SystemExit(f"the reference of {case.name} has other horizons")
    return states, distances


def spectrum(field: Field):
    """All eigenpairs of the Hessian, or the Ritz pairs of `KRYLOV` products."""
    if field.size <= DENSE:
        return lambda y: np.linalg.eigh(field.hessian(y))

    def lanczos(y):
        random = np.random.default_rng(0)
        basis = np.zeros((KRYLOV, field.size))
        vector = random.standard_normal(field.size)
        for index in range(KRYLOV):
            for _ in range(2):
                vector -= basis[:index].T @ (basis[:index] @ vector)
            basis[index] = vector / np.linalg.norm(vector)
            vector = np.array(field.product(y, basis[index]))
        images = np.stack([np.asarray(field.product(y, row)) for row in basis])
        small = images @ basis.T
        values, vectors = np.linalg.eigh((small + small.T) / 2)
        return values, basis.T @ vectors

    return lanczos


def compute(case: Case, check: bool) -> None:
    """Find and write the reference of a case."""
    field = Field.of(case)
    network = Network.of(case, field.problem)
    runs = []
    for tolerance, stages in RUNS:
        began = time.perf_counter()
        runs.append(_run(field, network, tolerance, stages))
        spent = time.perf_counter() - began
        print(f"{case.name} s={stages}: {spent:.0f} s", flush=True)
    rough, best = runs
    distances = [field.error(a, b) for a, b in zip(rough, best)]
    for t1, state, distance in zip(case.horizons, best, distances):
        print(f"{case.name} T={t1:g}: the runs differ by {distance:.1e}", flush=True)
        if check:
            print(f"  DOP853 differs by {_dop853(field, t1, state):.1e}", flush=True)
    high = np.asarray(best, float)
    low = np.asarray(np.asarray(best) - high, float)
    FOLDER.mkdir(exist_ok=True)
    np.savez(FOLDER / f"{case.name}.npz", high=high, low=low, distance=distances)


def _run(field, network, tolerance, stages) -> list[np.ndarray]:
    horizons = field.case.horizons
    if field.case.activation == "relu":
        flow = kinks.integrate(network, field.start, horizons, tolerance, stages)
        for t1 in horizons:
            crossed = sum(kink.t <= t1 for kink in flow.crossings)
            slid = [s for s in flow.slidings if s.start <= t1]
            held = sum(s.end > t1 for s in slid)
            print(
                f"{field.case.name} T={t1:g}: {crossed} kinks crossed, {len(slid)} "
                f"slid along, {held} of them at T",
                flush=True,
            )
        for sliding in flow.slidings:
            if np.isfinite(sliding.repels):
                print(f"not the only solution from here on: {sliding}", flush=True)
        return flow.states
    slope = lambda y: -network.gradient(y)
    ends = collocation.integrate(
        slope, spectrum(field), field.start, horizons, tolerance, stages
    )
    return [end.state for end in ends]


def _dop853(field, t1, state) -> float:
    solver = scipy.integrate.DOP853(
        lambda t, y: -np.asarray(field.gradient(y)),
        0.0,
        field.start,
        t1,
        rtol=1e-13,
        atol=1e-13 * float(np.sqrt(np.mean(field.start**2))),
    )
    while solver.status == "running":
        solver.step()
    return field.error(solver.y, state)


def main() -> None:
    """Compute and write, case by case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("problems", nargs="*", default=list(CASES))
    parser.add_argument("--check", action="store_true", help="against DOP853")
    arguments = parser.parse_args()
    for name in arguments.problems:
        if name not in CASES:
            sys.exit(f"no problem {name!r}; there are {', '.join(CASES)}")
        compute(CASES[name], arguments.check)


if __name__ == "__main__":
    main()
