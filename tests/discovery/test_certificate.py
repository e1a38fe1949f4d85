"""Certificates as documents, before a checker that knows nothing of gfflow."""

import ast
import json
import subprocess
import sys

import jax
import pytest

import gfflow as gf
from gfflow.discovery.exact import Proof, constant, exact_laws, families, nesterov
from gfflow.models import MLP

from ..scripts import EXPERIMENTS, script

FOLDER = EXPERIMENTS / "certificate_checker"
checker = script("certificate_checker/check.py")
tampering = script("certificate_checker/tampering.py")


def document(family, momentum=None, seed=0):
    proof = Proof(exact_laws(family, momentum=momentum, seed=seed), {})
    return json.loads(json.dumps(proof.to_json()))


PROVED = {
    "linear": (families.linear((2, 3, 2)), None, 6),
    "relu": (families.relu((2, 3, 2), True), None, 3),
    "mirror": (families.icnn(2, 3, 2), None, 3),
    "many coordinates": (families.relu((4, 5, 5, 4)), None, 10),
    "momentum": (families.linear((1, 3, 1)), constant, 6),
    "momentum and metric": (families.nmf(3, 2, 2), nesterov(3), 0),
}


@pytest.mark.parametrize("name", PROVED)
def test_certificates_are_proved(name):
    family, momentum, number = PROVED[name]
    found = document(family, momentum)
    said = checker.check(found)
    assert said == f"{number} laws, and there are at most {number}"
    assert (found["ranks"][0]["used"] is None) == (name != "many coordinates")


def test_bounds_that_differ_are_proved_too():
    """x² y + y³ + x has a law that is no polynomial of degree 2."""
    x = gf.discovery.exact.Parametrisation(
        "own",
        families.linear((1, 1, 1)).layout,
        [gf.discovery.polynomials.Polynomial({(0, 0, 1): 1, (1, 1, 1): 1, (0,): 1})],
    )
    found = document(x)
    assert checker.check(found) == "0 laws, and there are at most 1"
    assert found["complete"] is False


CASES = {
    "linear": document(families.linear((3, 4, 2))),
    "relu": document(families.relu((3, 5, 2))),
    "deep_linear": document(families.linear((3, 3, 2, 2), True)),
    "softmax": document(families.softmax(4, 3, True)),
    "deep_relu": document(families.relu((2, 3, 3, 2), True)),
    "convolution": document(families.convolution(1, 3, 2, (2, 3))),
    "relu_squared": document(families.homogeneous(2, 3, 2, 2, True)),
    "tensor": document(families.relu((2, 3, 2))),
    "attention": document(families.attention(2, 2)),
    "heavy_ball": document(families.linear((2, 3, 2)), constant),
    "factorisation": document(families.nmf(4, 3, 3)),
    "nesterov": document(families.softmax(2, 3, True), nesterov(3)),
}


@pytest.mark.parametrize("one", tampering.TAMPERINGS, ids=lambda one: one.what)
def test_changed_certificates_are_refuted(one):
    changed = json.loads(json.dumps(CASES[one.of]))
    checker.check(changed)
    one.change(changed)
    with pytest.raises(
        ValueError, match="false|bounds|square|independent|prime|co|det"
    ):
        checker.check(changed)


def test_what_is_no_certificate_is_refuted(tmp_path):
    """The bounds need ranks, whole numbers and the format."""
    whole = CASES["linear"]
    for changed in (
        whole | {"format": "another"},
        whole | {"ranks": []},
        whole | {"complete": 1.0 * False},
        whole | {"variables": True},
        whole | {"laws": [[[1.0, [0, 0]]]]},
        whole | {"phi": [], "coordinates": 0},
    ):
        with pytest.raises((ValueError, IndexError)):
            checker.check(json.loads(json.dumps(changed)))


def test_the_checker_needs_the_standard_library_alone(tmp_path):
    source = (FOLDER / "check.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 150
    imported = [
        name.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
    ]
    assert sorted(imported) == ["defaultdict", "json", "sys"]
    files = sorted(map(str, (FOLDER / "certificates").iterdir()))
    (tmp_path / "none.json").write_text("[]")
    call = [sys.executable, "-I", "-S", str(FOLDER / "check.py"), *files]
    done = subprocess.run(call, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and done.stderr == ""
    assert len(lines) == len(files) == 12 and all(": proved: " in x for x in lines)
    done = subprocess.run([*call, tmp_path / "none.json"], capture_output=True)
    assert done.returncode == 1 and b"none.json: REFUTED" in done.stdout


def test_a_model_has_a_document_and_the_black_box_a_summary():
    model = MLP([3, 4, 2], key=jax.random.key(0)), (3,)
    found = gf.discover(model, gf.GradientFlow(0.1), exact=True)
    certificate = json.loads(json.dumps(found.certificate.to_json()))
    assert checker.check(certificate) == "4 laws, and there are at most 4"
    names = [array["name"] for array in certificate["arrays"]]
    assert names[:2] == ["layers[0].weight", "layers[0].bias"]
    assert "without it" in certificate["about"]["weight_decay"]
    assert "phi" not in found.to_json()["certificate"]
    assert found.certificate.summary()["primes"] == [
        r["prime"] for r in certificate["ranks"]
    ]
    alone = gf.discover(families.linear((2, 3, 2))).certificate.to_json()
    assert "nothing is said of a model" in alone["about"]["model"]


def test_brackets_that_are_too_deep_for_a_document():
    """Seven units between two inputs and one output close at the eighth level."""
    found = gf.discover(families.linear((2, 7, 1)), gf.MomentumFlow(0.5))
    assert found.complete
    with pytest.raises(gf.DiscoveryError, match="no document for this flow of linear"):
        found.certificate.to_json()
