"""A sample of the calibration: laws of known truth, false by ε in many ways."""

import pytest

from ..scripts import script

CASES = script("verdict_calibration/cases.py")
SAMPLE = (1.0, CASES.PROBE, 1e-9, 1e-12)


SLOW = [name for name in CASES.SUBJECTS if name != "LayerNorm"]
SUBJECTS = ["LayerNorm", *(pytest.param(x, marks=pytest.mark.slow) for x in SLOW)]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_said_of_a_law_is_so(subject):
    found = list(CASES.cases_of(subject, 0, "float64", SAMPLE))
    assert [case for case in found if case.wrong] == []
    along = {case.kind for case in found}.intersection(CASES.ALONG)
    assert "decay" in along and len(along) >= 3
    for case in found:
        if case.kind == "true":
            assert case.resolution <= 1e-13
        if case.kind in CASES.ALONG and case.violation >= 1e-9:
            assert case.verdict == CASES.BROKEN, case
