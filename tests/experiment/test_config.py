"""Configs: what a good one means, and what is said of each bad one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gfflow._errors import ConfigError
from gfflow._registry import names
from gfflow._tolerance import (
    default_tolerance,
    least_tolerance,
    shown_least_tolerance,
)
from gfflow.experiment.config._config import config_from_resolved, load_config
from gfflow.experiment.config._schema import locate
from gfflow.experiment.config._sections import Config

from .config_cases import BAD, DATA, GOOD, MODEL


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Writes `config.toml` in the current folder, and loads it."""
    monkeypatch.chdir(tmp_path)

    def write_and_load(text, *overrides):
        Path("config.toml").write_text(text)
        return load_config(Path("config.toml"), overrides)

    return write_and_load


def changed(*replacements):
    text = GOOD
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def problems_of(load, text, *overrides):
    with pytest.raises(ConfigError) as caught:
        load(text, *overrides)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


@pytest.mark.parametrize("old, new, place, words", [(*c[:3], c[3:]) for c in BAD])
def test_bad_config(load, old, new, place, words):
    (problem,) = problems_of(load, changed((old, new)))
    assert problem.startswith(f"config.toml:{place}: ")
    for word in words:
        assert word in problem


def test_all_problems_at_once_in_the_order_of_the_file(load):
    text = changed(
        ("64,", "0,"),
        ('"tanh"', '"than"'),
        ("t1 = 100", "t1 = 1"),
        ("1e-10", "1e-20"),
        ("W1.T", "*"),
        ("[run]", "[run]\nseeds = 1"),
    )
    keys = [problem.split(": ")[0:2] for problem in problems_of(load, text)]
    assert keys == [
        ["config.toml:8", "problem.model.widths.0"],
        ["config.toml:12", "problem.model.activation"],
        ["config.toml:21", "solver.rtol"],
        ["config.toml:24", "save.times.1"],
        ["config.toml:24", "save.times.2"],
        ["config.toml:31", "laws.custom.0.expression"],
        ["config.toml:34", "run.seeds"],
    ]


def test_empty_file(load):
    assert problems_of(load, "") == (
        "config.toml: problem: this section is required: [problem]",
        "config.toml: solver: this section is required: [solver]",
    )


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_tolerances_are_those_of_solve(load, precision):
    text = changed(("rtol = 1e-10\n", ""), ('"float64"', f'"{precision}"'))
    assert load(text).resolved()["solver"]["rtol"] == default_tolerance(precision)
    printed, least = shown_least_tolerance(precision), least_tolerance(precision)
    for rtol in (printed, repr(least)):
        assert load(text, f"solver.rtol={rtol}").config.solver.rtol == float(rtol)
    (problem,) = problems_of(load, text, f"solver.rtol={least * (1 - 1e-6)}")
    assert f"raise it to {printed} or more" in problem
    assert least <= float(printed) < 1.05 * least


@pytest.mark.parametrize(
    "override, words",
    [
        (
            "solver.rtol=abc",
            "solver.rtol: must be a number (relative error); got 'abc'",
        ),
        ("solver.rtol=-1", "solver.rtol: must be greater than 0"),
        ("solver.rtoll=1", "solver.rtoll: unknown key (did you mean 'rtol'?)"),
        ("solvr.rtol=1", "solvr: unknown key (did you mean 'solver'?)"),
        ("problem.model.activation=than", "activation: must be one of identity"),
        ("problem.model.widths.1=0", "problem.model.widths.1: must be greater than 0"),
        ("problem.model.widths=[1, 0]", "problem.model.widths.1: must be greater"),
        (
            "laws.custom.0.expression=a +",
            "laws.custom.0.expression: law 'a +', column 1: invalid syntax",
        ),
        ("laws.custom.0.nmae=a", "laws.custom.0.nmae: unknown key"),
        ("laws.custom.1.name=a", "laws.custom has no entry 1; it has 1"),
        ("laws.must_hold=True", "laws.must_hold: must be true or false"),
        ("run.seed.x=1", "run.seed: must be a whole number"),
        ("run.precision.x=1", "run.precision is 'float64', not a table"),
        ("nonsense", "must be written key=value"),
    ],
)
def test_bad_override(load, override, words):
    (problem,) = problems_of(load, GOOD, override)
    assert problem.startswith(f"--set {override}: ")
    assert words in problem


@pytest.mark.parametrize(
    "override, words",
    [
        ("save.times.0=20", "save.times.1: times must increase"),
        ("solver.t1=20", "save.times.2: must be after solver.t0 = 0.0"),
    ],
)
def test_override_that_does_not_fit_the_file(load, override, words):
    (problem,) = problems_of(load, GOOD, override)
    assert problem.startswith(f"config.toml:24: {words}")


def test_override_of_the_kind_alone(load):
    problems = problems_of(load, GOOD, "problem.data.kind=csv")
    assert problems[0].startswith("config.toml:14: problem.data.path: this key is req")
    assert problems[1].startswith("config.toml:16: problem.data.samples: unknown key")


def test_overrides(load):
    loaded = load(
        GOOD,
        "problem.model.activation=softplus",
        "problem.model.widths.1=7",
        "solver.rtol=1e-3",
        "solver.rtol=1e-4",
        'laws.custom.0.name="x y"',
        "flow.weight_decay=1",
        "solver.stop.loss=-1",
        "save.times=log",
        "run.device=cpu",
    )
    config = loaded.config
    assert config.problem.model.activation == "softplus"
    assert config.problem.model.widths == [64, 7, 10]
    assert config.solver.rtol == 1e-4
    assert config.laws.custom[0].name == "x y"
    assert config.flow.weight_decay == 1.0 and config.flow.kind == "gradient"
    assert config.solver.stop.loss == -1.0
    assert config.save.times == "log"
    assert config.run.device == "cpu"
    assert loaded.overrides[0] == "problem.model.activation=softplus"
    assert loaded.text == GOOD and loaded.path == Path("config.toml")
    assert loaded.where("solver.rtol") == "--set solver.rtol=1e-4: solver.rtol"
    assert loaded.where("solver.t1") == "config.toml:20: solver.t1"
    assert loaded.where("solver.atol") == "config.toml:18: solver.atol"
    assert loaded.where("problem.model.widths.2").startswith("config.toml:10: ")


def test_defaults(load):
    text = '[problem]\nloss="mse"\nmodel={kind="mlp", widths=[1, 2]}\n'
    text += 'data={kind="diabetes"}\n[solver]\nt1=1'
    resolved = load(text).resolved()
    assert resolved["problem"]["model"] == {
        "kind": "mlp",
        "widths": [1, 2],
        "activation": "relu",
        "final_activation": "identity",
        "bias": True,
        "init": "he",
        "init_scale": 1.0,
    }
    assert resolved["problem"]["time_scale"] == 1.0
    assert resolved["flow"] == {
        "kind": "gradient",
        "weight_decay": 0.0,
        "learning_rate": 1.0,
    }
    assert resolved["solver"] == {
        "name": "auto",
        "stages": None,
        "exact_invariants": False,
        "project": False,
        "certify": False,
        "finish": None,
        "t0": 0.0,
        "t1": 1.0,
        "rtol": 1e-10,
        "atol": None,
        "dt0": None,
        "max_steps": 1_000_000,
        "stop": {"gradient_norm": None, "loss": None},
    }
    assert resolved["save"] == {
        "times": "log",
        "first": None,
        "count": 50,
        "parameters_every": None,
    }
    assert resolved["laws"] == {
        "families": ["known"],
        "names": {},
        "must_hold": True,
        "ladder": True,
        "custom": [],
    }
    assert resolved["run"] == {
        "precision": "float64",
        "device": None,
        "seed": 0,
        "segments": 10,
        "law_rates": True,
        "max_wall_time": None,
    }


def test_whole_numbers_are_numbers_and_solver_names_have_no_case(load):
    config = load(GOOD).config
    assert type(config.solver.t1) is float and config.solver.t1 == 100.0
    assert config.solver.name == "dopri8"


DATA_SECTIONS = [
    'kind = "breast_cancer"\nsamples = 5\nstandardise = false\ntargets = "labels"',
    'kind = "teacher_student"\ninputs = 3\nnoise = 0\nactivation = "relu"',
    'kind = "npz"\npath = "data/set.npz"\nweights = "w"',
    'kind = "csv"\npath = "data/set.csv"\ntargets = ["a", "b"]\nheader = true',
    'kind = "csv"\npath = "data/set.csv"\ntargets = 2',
    'kind = "target"\ntarget = "package.module:make"',
    'target = "./make.py:data"\narguments = {a = [1, 2.5, {b = "c"}], d = true}',
]


@pytest.mark.parametrize("section", DATA_SECTIONS)
@pytest.mark.parametrize(
    "model",
    [
        MODEL,
        'target = "make.py:model"\n',
        'kind = "deep_linear"\nwidths = [3, 2, 1]\ninit = "balanced"\nbias = true\n',
    ],
)
def test_resolved_goes_through_json_and_back(load, tmp_path, section, model):
    (tmp_path / "data").mkdir()
    for name in ("data/set.npz", "data/set.csv", "make.py"):
        (tmp_path / name).touch()
    loaded = load(changed((DATA, section), (MODEL, model)))
    resolved = json.loads(json.dumps(loaded.resolved(), allow_nan=False))
    assert config_from_resolved(resolved) == loaded.config
    assert resolved == loaded.resolved()


def test_files_are_found_from_the_folder_of_the_config(load, tmp_path, monkeypatch):
    study = tmp_path / "a:study"
    study.mkdir()
    for name in ("set.npz", "make.py"):
        (study / name).touch()
    text = changed(
        (DATA, 'kind = "npz"\npath = "set.npz"'),
        ('"mse"', '"./make.py:loss"'),
        ('expression = "W1 @ W1.T"', 'function = "../a:study/make.py:law"'),
    )
    (study / "config.toml").write_text(text)
    config = load_config(Path("a:study/config.toml")).config
    assert config.problem.data.path == str(study / "set.npz")
    assert config.problem.loss == f"{study / 'make.py'}:loss"
    assert config.laws.custom[0].function == f"{study / 'make.py'}:law"

    (study / "set.npz").unlink()
    assert config_from_resolved(config.model_dump()) == config
    with pytest.raises(ConfigError, match=r"^a:study/config.toml:16: problem.data.pat"):
        load_config(Path("a:study/config.toml"))


def test_bad_resolved_config(load):
    resolved = load(GOOD).resolved()
    resolved["solver"]["t1"] = -1.0
    resolved["run"]["sed"] = 0
    with pytest.raises(ConfigError) as caught:
        config_from_resolved(resolved)
    assert [problem.split(": ")[0] for problem in caught.value.problems] == [
        "run.sed",
        "solver.t1",
    ]


def test_config_that_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        load_config(tmp_path / "none.toml")


@pytest.mark.parametrize("part, kind", [("model", "models"), ("data", "data")])
def test_every_registered_part_can_be_configured(part, kind):
    choice = locate(("problem", part), {}).choice
    assert choice is not None and choice.kinds() == [*names(kind), "target"]


def test_configs_do_not_change():
    with pytest.raises(ValueError, match="frozen"):
        Config.model_fields["run"].default.seed = 1


def test_jax_is_not_imported():
    code = (
        "import sys\n"
        "import gfflow.experiment.config._config, gfflow.experiment.tell._progress\n"
        "import gfflow.experiment.tell._report\n"
        "heavy = {'jax', 'equinox', 'diffrax', 'optax', 'matplotlib', 'sympy'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_a_run_from_before_a_key_was_there_has_not_what_it_asks_for(load):
    resolved = load(changed()).config.model_dump()
    assert resolved["run"].pop("law_rates")
    assert not config_from_resolved(resolved).run.law_rates
