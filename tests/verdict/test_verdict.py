"""The truth table of one component's verdict."""

import numpy as np
import pytest

from gfflow.verdict import Verdict
from gfflow.verdict._verdict import ComponentEvidence, decide, worst

EPS = float(np.finfo(float).eps)
CONSERVED, HERE = Verdict.CONSERVED, Verdict.CONSERVED_ON_THIS_DATA
BROKEN, OPEN = Verdict.BROKEN, Verdict.INCONCLUSIVE
LAW = ComponentEvidence(
    run=1e-16,
    run_says=True,
    run_noise=False,
    falls=False,
    near=1e-16,
    general_says=True,
    general_noise=False,
    still=False,
    vanishing=False,
    violated="",
    outside="",
    drift=1e-12,
    expected_drift=1e-11,
    shrinks=True,
    settled=0.0,
    undecided=False,
    wild=False,
    predicted=False,
    finite=True,
    wrong_derivative=False,
    moves=True,
    jumps_elsewhere=False,
    precision=EPS,
    discrete=False,
)
SILENT = {"general_says": False, "run_says": False}


@pytest.mark.parametrize(
    "change, verdict, why",
    [
        ({"undecided": True}, OPEN, "neither falls nor settles"),
        ({"wild": True}, OPEN, "from one rounding of the state to the next"),
        ({}, CONSERVED, "here and at random points"),
        ({"predicted": True}, Verdict.PREDICTED_DECAY, "as it states"),
        ({"run": 1e-3}, BROKEN, "above round-off"),
        ({"run": 1e-3, "predicted": True}, BROKEN, "above round-off"),
        ({"run": 1e-12}, BROKEN, "above round-off"),
        ({"run": 1e-9, "falls": True}, OPEN, "on the level that the exact run is on"),
        ({"run": 1e-9, "falls": True, "settled": 1e-9}, BROKEN, "above round-off"),
        ({"falls": True}, CONSERVED, "here and at random points"),
        ({"near": 1e-3}, HERE, "near this run"),
        ({"violated": "at 3 of 4"}, HERE, "elsewhere: at 3 of 4"),
        ({"violated": "at 3 of 4", "near": 1e-3}, HERE, "near this run"),
        ({"outside": "at 3 of 4"}, HERE, "region only"),
        ({"outside": "at 3 of 4", "general_says": False}, HERE, "region only"),
        ({"settled": 1e-4}, BROKEN, "settles at 1.0e-04"),
        ({"vanishing": True}, OPEN, "so small"),
        ({"near": 1e-3, "run_says": False, "run_noise": True}, OPEN, "farther from"),
        (
            {"near": 1e-3, "run_says": False, "run_noise": True, "drift": 1e-15},
            HERE,
            "stays where it is",
        ),
        ({"finite": False, "run": 1.0}, OPEN, "not finite"),
        ({"precision": 1e-7}, OPEN, "computes in a precision"),
        ({"precision": 1e-7, "run": 1e-9}, OPEN, "computes in a precision"),
        ({"precision": 1e-7, "run": 0.1}, BROKEN, "above round-off"),
        ({"drift": 1e-5, "shrinks": None}, OPEN, "drifts more than"),
        ({"drift": 1e-5, "shrinks": False}, OPEN, "drifts more than"),
        ({"drift": 1e-5}, CONSERVED, "round-off"),
        ({"jumps_elsewhere": True}, OPEN, "jumps elsewhere"),
        ({"wrong_derivative": True}, BROKEN, "its value changes"),
        ({"wrong_derivative": True, "run": 0.1}, BROKEN, "rate along the run is above"),
        ({"wrong_derivative": True, "run": 0.1, "moves": False}, OPEN, "no evidence"),
        ({"wrong_derivative": True, "moves": False}, OPEN, "does not drift"),
        (
            {"wrong_derivative": True, "moves": False, "drift": 1.0, "shrinks": None},
            BROKEN,
            "its value changes",
        ),
        ({"general_says": False}, OPEN, "evaluated at no random point"),
        (SILENT, CONSERVED, "it is constant"),
        (SILENT | {"discrete": True}, HERE, "whole numbers"),
        (SILENT | {"general_noise": True, "still": True}, CONSERVED, "constant of"),
        (SILENT | {"run_noise": True}, OPEN, "nothing but round-off"),
        (SILENT | {"general_noise": True}, OPEN, "nothing but round-off"),
    ],
)
def test_decide(change, verdict, why):
    found, note = decide(LAW._replace(**change))
    assert found is verdict and why in note


def test_the_worst_component_decides():
    assert worst([CONSERVED, OPEN, BROKEN, HERE]) is BROKEN
    assert worst([CONSERVED, OPEN, HERE]) is OPEN
    assert worst([Verdict.PREDICTED_DECAY, HERE, CONSERVED]) is HERE
    assert worst([CONSERVED, Verdict.PREDICTED_DECAY]) is Verdict.PREDICTED_DECAY
    assert worst([]) is CONSERVED
