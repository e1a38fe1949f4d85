"""No wrong verdict on laws whose truth is known by proof.

The truths follow from symmetry (tests/README.md). A verdict that is wrong fails;
`inconclusive` is never wrong but is counted, and there may be few of them.
"""

import collections

import pytest

import gfflow as gf

from . import truth_edges  # noqa: F401  (registers its cases)
from .truth_cases import CASES, FALSE, FOLLOWS, HERE, TRUE, UNCLEAR, VALUE

V = gf.Verdict
RIGHT = {
    TRUE: {V.CONSERVED},
    FOLLOWS: {V.PREDICTED_DECAY},
    FALSE: {V.BROKEN},
    HERE: {V.CONSERVED_ON_THIS_DATA},
    UNCLEAR: {V.INCONCLUSIVE},
    VALUE: {V.CONSERVED, V.CONSERVED_ON_THIS_DATA},
}
LADDERS = {
    "deep_linear",
    "softmax_regression",
    "weight_decay",
    "layer_norm_with_epsilon",
    "a_unit_of_tiny_weights_and_a_loose_run",
}
TALLY: collections.Counter = collections.Counter()


def weigh(case, **options):
    solution = gf.solve(
        case.flow,
        case.problem,
        t1=case.t1,
        rtol=case.rtol,
        solver=case.solver,
        saveat=case.t1 * gf.log_times(1e-3, 1.0, 5),
        parameters_every=1,
    )
    laws = [law for law, _ in case.laws]
    return solution, gf.check(solution, laws, **options)


@pytest.mark.parametrize("name", CASES)
def test_no_verdict_is_wrong(name):
    case = CASES[name]()
    _, report = weigh(case, ladder=name in LADDERS)
    wrong = []
    for law, truth in case.laws:
        found = report[law.name]
        TALLY[truth, str(found.verdict)] += 1
        if found.verdict not in RIGHT[truth] | {V.INCONCLUSIVE}:
            wrong.append((law.name, truth, str(found.verdict), found.note))
        if name in LADDERS:
            assert found.ladder.evidence == (law.degree != "linear")
    assert not wrong, report


def test_few_verdicts_are_inconclusive(record_property):
    true = sum(n for (truth, _), n in TALLY.items() if truth in (TRUE, FOLLOWS))
    false = sum(n for (truth, _), n in TALLY.items() if truth == FALSE)
    open_ones = sum(
        n
        for (truth, verdict), n in TALLY.items()
        if verdict == "inconclusive" and truth != UNCLEAR
    )
    counts = ", ".join(f"{t}: {n} {v}" for (t, v), n in sorted(TALLY.items()))
    text = f"{true} true, {false} false, {open_ones} inconclusive ({counts})"
    record_property("truth corpus", text)
    if len(CASES) * 1.0 > sum(TALLY.values()):
        pytest.skip("only part of the corpus was run")
    assert true >= 16 and false >= 16
    assert open_ones <= 2
