"""The laws of any model, by differentiation at random points."""

import time
from collections.abc import Sequence

import numpy as np

from ..._precision import double_precision, in_double
from ...flows import AbstractFlow
from ...problem import Problem
from ..result import Discovery, presented
from ..subject import subject_of
from ._on_data import said, told
from ._read_off import confirmed, laws_read_off
from ._survey import Survey
from ._whole_numbers import exact_at_whole_numbers

_CONTRADICTED = (
    "inconclusive: {} laws that the gradients show hold at random parameters, and the "
    "rank allows {}: gradients of saturated units are round-off, and count as rank"
)

# Sizes of inputs beyond those that laws are looked for with.
_LARGER = (3.0, 9.0)
_ONLY_NEAR = (
    "inconclusive: {} laws hold for inputs of about the sizes of the data, and break "
    "for ones 10³ to 10⁹ times as large"
)


def black_box(
    problem: Problem,
    flow: AbstractFlow,
    only: Sequence[str] | None,
    degree: int,
    seed: int,
    on: str = "all",
) -> Discovery:
    """See `discover`. Two points near the start and two anywhere; laws are looked for
    before brackets are, since those that account for all that W leaves make them
    superfluous. Laws of this data only are looked for beside those of all data."""
    began = time.perf_counter()
    with double_precision():
        double = in_double(problem)
        subject = subject_of(double, flow, only)
        random = np.random.default_rng(seed)
        read = lambda: laws_read_off(double, flow, subject.layout)
        known = (lambda: []) if subject.clock else read
        found = Survey(subject, random, degree, known)
        laws, upper, conclusive, notes = found.conclude()
        if conclusive and not (found.has_read or subject.clock):
            more = confirmed(double, flow, subject.layout)
            if upper is not None and more > upper:
                conclusive = False
                notes.append(_CONTRADICTED.format(more, upper))
        if not subject.moves:
            kept = [x for x in laws if not found.search.breaks(x, _LARGER)]
            if len(kept) < len(laws):
                conclusive = False
                notes.append(_ONLY_NEAR.format(len(laws) - len(kept)))
            laws = kept
        exactly = exact_at_whole_numbers(found.fields, found.random, laws)
        verified = ["whole numbers" if exact else "round-off" for exact in exactly]
        if on == "data":
            for_all, of_all, search = laws, upper if conclusive else None, found.search
            own = subject_of(double, flow, only, on_data=True)
            found = Survey(own, random, degree, lambda: [], for_all)
            laws, upper, conclusive, notes = found.conclude()
            how = dict(zip(for_all, verified))
            verified = [how.get(law) or told(law, search) for law in laws]
            notes = [said(verified, len(for_all), of_all), *notes]
    made, expressions, supports = presented(laws, subject.layout, flow, subject.clock)
    return Discovery(
        laws=made,
        expressions=expressions,
        supports=supports,
        verified={law.name: how for law, how in zip(made, verified)},
        lower_bound=len(laws),
        upper_bound=upper,
        certificate=found.certificate(),
        conclusive=conclusive,
        parameters=problem.size,
        flow=type(flow).__name__,
        wall_s=time.perf_counter() - began,
        notes=tuple(notes),
        on=on,
    )
