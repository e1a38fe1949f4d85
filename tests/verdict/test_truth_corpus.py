"""No wrong verdict on laws whose truth is known by proof.

The truths follow from symmetry (tests/README.md). A verdict that is wrong fails;
`inconclusive` is never wrong but is counted, and there may be few of them.
"""

import collections
import functools

import pytest

import gfflow as gf

from ..variants import variants
from . import truth_edges, truth_shared  # noqa: F401  (register their cases)
from .truth_cases import ANY, CASES, FALSE, FOLLOWS, HERE, TRUE, UNCLEAR, VALUE

V = gf.Verdict
RIGHT = {
    TRUE: {V.CONSERVED},
    FOLLOWS: {V.PREDICTED_DECAY},
    FALSE: {V.BROKEN},
    HERE: {V.CONSERVED_ON_THIS_DATA},
    UNCLEAR: {V.INCONCLUSIVE},
    VALUE: {V.CONSERVED, V.CONSERVED_ON_THIS_DATA},
    ANY: set(V),
}
SLOW = {
    *("deep_linear_with_bias", "tokens", "narrow", "swiglu", "homogeneous_activations"),
    *("column_sums_under_another_loss", "deep_relu_logistic"),
}
LADDERS = {
    "deep_linear",
    "softmax_regression",
    "weight_decay",
    "layer_norm_with_epsilon",
    "a_unit_of_tiny_weights_and_a_loose_run",
}


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
    return gf.check(solution, laws, **options)


@pytest.fixture(scope="module")
def weighed():
    """Case → its report, and that of each law with its truth; weighed once."""

    @functools.cache
    def of(name):
        case = CASES[name]()
        report = weigh(case, ladder=name in LADDERS)
        return report, [(report[law.name], truth) for law, truth in case.laws]

    return of


@pytest.mark.parametrize("name", variants(CASES, SLOW))
def test_no_verdict_is_wrong(name, weighed):
    report, laws = weighed(name)
    wrong = []
    for found, truth in laws:
        if found.verdict not in RIGHT[truth] | {V.INCONCLUSIVE}:
            wrong.append((found.name, truth, str(found.verdict), found.note))
        if name in LADDERS:
            assert found.ladder.evidence == (found.degree != "linear")
    assert not wrong, report


@pytest.mark.parametrize("without", variants([SLOW, set()], slow=[set()]), ids=len)
def test_few_verdicts_are_inconclusive(without, weighed, record_property):
    """Over the corpus: a case that was not run before is run here."""
    names = [name for name in CASES if name not in without]
    laws = [pair for name in names for pair in weighed(name)[1]]
    tally = collections.Counter((truth, str(found.verdict)) for found, truth in laws)
    true = sum(truth in (TRUE, FOLLOWS) for _, truth in laws)
    false = sum(truth == FALSE for _, truth in laws)
    open_ones = sum(
        found.verdict == V.INCONCLUSIVE and truth not in (UNCLEAR, ANY)
        for found, truth in laws
    )
    counts = ", ".join(f"{t}: {n} {v}" for (t, v), n in sorted(tally.items()))
    text = f"{true} true, {false} false, {open_ones} inconclusive ({counts})"
    record_property("truth corpus", text)
    assert true >= 16 and false >= 16
    assert open_ones <= 2
