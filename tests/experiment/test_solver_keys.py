"""The keys of `[solver]` beyond its name, from the config to the metrics."""

import json

import pytest

from ..variants import variants
from .config_cases import LINEAR

CONFIG = (
    LINEAR
    + """\
[solver]
{solver}
t1 = 1.0
[save]
count = 3
[laws]
ladder = false
must_hold = false
"""
)


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, command):
    """The exit code, and the metrics or the errors."""

    def call(solver, laws=""):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "config.toml").write_text(CONFIG.format(solver=solver) + laws)
        code = command("run", "config.toml", "--json")
        return code, json.loads(capsys.readouterr().out)

    return call


RADAU = 'name = "radau_iia"\nstages = 3\n'


@pytest.mark.parametrize("solver", variants(['name = "tsit5"\n', RADAU], slow=[RADAU]))
def test_stages_certificate_and_critical_point(run, solver):
    keys = solver + "rtol = 1e-7\ncertify = true\n"
    code, found = run(keys + 'finish = "critical-point"')
    assert code == 0
    assert 0 < found["certificate"]["error"] < 1e-5
    assert found["certificate"]["rtol"] < 1e-7
    parts = [found["certificate"][key] for key in ("difference", "resolution")]
    assert 0 < sum(parts) < found["certificate"]["error"]
    point = found["critical_point"]
    assert point["converged"] and point["gradient_norm"] <= 1e-13
    assert found["enforced"] == []
    assert [law["verdict"] for law in found["laws"]] == ["conserved"]


def test_exact_invariants(run):
    keys = 'name = "gauss_legendre"\nstages = 2\nexact_invariants = true\nrtol = 1e-2'
    code, found = run(keys)
    (law,) = found["laws"]
    assert code == 0 and law["max_drift"] < 1e-14 * law["scale"]
    assert "gauss_legendre(2) keeps quadratic laws by construction" in law["note"]
    assert "no evidence" in law["note"]


def test_a_projected_run_is_no_evidence(run):
    code, found = run('name = "tsit5"\nproject = true\nrtol = 1e-4')
    (law,) = found["laws"]
    assert code == 0 and found["enforced"] == [law["name"]]
    assert "the run's solver enforces it" in law["note"]
    assert "no evidence" in law["note"]


def test_projection_does_not_make_a_false_law_true(run):
    false = '[[laws.custom]]\nname = "false"\nexpression = "W1 @ W1.T"'
    code, found = run('name = "tsit5"\nproject = true\nrtol = 1e-4', false)
    verdicts = {law["name"]: law for law in found["laws"]}
    assert "false" in found["enforced"] and verdicts["false"]["max_drift"] < 1e-6
    assert verdicts["false"]["verdict"] == "broken"


WRONG = {
    'name = "tsit5"\nstages = 3': ("13: solver.stages", "stages", "tsit5"),
    "stages = 10": ("12: solver.stages", "9"),
    'name = "auto"\nstages = 2': ("13: solver.stages", "3 to 9"),
    'name = "radau_iia"\nexact_invariants = true': (
        "13: solver.exact_invariants",
        "radau",
    ),
    'finish = "newton"': ("12: solver.finish", "critical-point"),
    'rtol = 1e-6\nname = "conjugate"': ("13: solver.name", "MomentumFlow"),
    'name = "tsit5"\natol = 0.0': ("13: solver.atol", "positive"),
    'name = "tsit5"\nproject = true': ("13: solver.project", "at least one law"),
}


@pytest.mark.parametrize("keys", WRONG)
def test_errors_have_the_line_of_the_key(run, keys):
    place, *words = WRONG[keys]
    code, message = run(keys, "families = []\n" if "project" in keys else "")
    (problem,) = message["errors"]
    assert code == 2 and problem.startswith(f"config.toml:{place}: ")
    for word in words:
        assert word in problem
