"""gfflow compare: what it prints and writes, and how it meets bad input."""

import json

import pytest

from .config_cases import LINEAR

CONFIG = (
    LINEAR
    + """\
[flow]
weight_decay = 0.1
[solver]
name = "tsit5"
t1 = 1.0
rtol = 1e-8
[[compare]]
optimiser = "sgd"
learning_rate = 0.01
[[compare]]
name = "ball"
optimiser = "heavy_ball"
learning_rate = 1e-3
momentum = 0.8
batch = 5
"""
)
USER = """\
import optax

def make(learning_rate, decay):
    return optax.chain(optax.add_decayed_weights(decay), optax.adam(learning_rate))

def number():
    return 3

def bad():
    raise ValueError("no optimiser today")

halves = optax.piecewise_constant_schedule(0.02, {25: 0.5})

def pair(step):
    return step, step

def host(step):
    return 0.1 if step < 5 else 0.01
"""
FIRST = 'optimiser = "sgd"\nlearning_rate = 0.01'


@pytest.fixture
def call(tmp_path, monkeypatch, capsys, command):
    """Run `gfflow compare` on CONFIG with a change: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user.py").write_text(USER)

    def run(*arguments, old="", new=""):
        assert old in CONFIG
        (tmp_path / "config.toml").write_text(CONFIG.replace(old, new))
        return command("compare", "config.toml", *arguments), *capsys.readouterr()

    return run


def test_document_and_file(call, tmp_path):
    code, out, err = call("--json", "--quiet", "--out", "there/again")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert found["exit_code"] == 0
    assert found["written"] == "there/again/compare.json"
    stored = json.loads((tmp_path / found["written"]).read_text())
    assert stored == {"comparisons": found["comparisons"]}
    assert [p.name for p in (tmp_path / "there/again").iterdir()] == ["compare.json"]
    sgd, ball = found["comparisons"]
    assert (sgd["name"], ball["name"]) == ("sgd", "ball")
    assert (sgd["steps"], ball["steps"]) == (100, 200)
    assert sgd["t"] == pytest.approx(1.0) and ball["t"] == pytest.approx(1.0)
    assert sgd["rows"]["threshold"][0] == pytest.approx(200.0)
    assert ball["rows"]["threshold"][0] == pytest.approx(3600.0)
    for one in (sgd, ball):
        (law,) = one["laws"]
        assert law["name"] == "balancedness of layers[0] → layers[1]"
        assert law["flow_drift"] < 1e-6 < 1e-4 < law["discrete_drift"]
        assert law["identity_residual"] < 1e-15
        assert 0 < one["max_distance"] < 0.1 and one["departure"] is None
        assert one["status"] == one["flow_status"] == "successful"


def test_table(call):
    code, out, err = call("--set", "compare.0.learning_rate=0.02")
    assert code == 0 and "100%" in err and "ball:" in err
    lines = out.splitlines()
    assert any(line.startswith("sgd") and " 50 " in line for line in lines)
    assert any("balancedness" in line and "e-16" in line for line in lines)


def test_an_optimiser_of_the_user_s_own(call):
    own = 'optimiser = "user.py:make"\nlearning_rate = 0.01\narguments = {decay = 0.1}'
    code, out, _ = call("--json", "--quiet", old=FIRST, new=own)
    assert code == 0
    found = json.loads(out)["comparisons"][0]
    assert found["name"].endswith("user.py:make") and found["steps"] == 100
    assert found["laws"][0]["identity_residual"] is None
    assert found["laws"][0]["discrete_drift"] > 1e-2
    assert found["rows"]["threshold"] is None


def test_a_schedule(call):
    """25 steps of 0.02, and 50 of half of it."""
    entry = FIRST.replace("0.01", '"user.py:halves"')
    code, out, _ = call("--json", "--quiet", old=FIRST, new=entry)
    assert code == 0
    found = json.loads(out)["comparisons"][0]
    assert found["steps"] == 75 and found["t"] == pytest.approx(1.0)
    assert found["laws"][0]["identity_residual"] < 1e-15


def test_divergence_exits_with_4_and_keeps_what_there_was(call):
    own = 'optimiser = "sgd"\nlearning_rate = 0.01\ntime_per_step = 1e-3'
    huge = own.replace("0.01", "1e3")
    code, out, _ = call("--json", "--quiet", old=FIRST, new=huge)
    assert code == 4
    sgd, ball = json.loads(out)["comparisons"]
    assert sgd["status"] == "non_finite" and 0 < sgd["steps"] < 1000
    assert ball["status"] == "successful"
    code, out, _ = call("--quiet", old=FIRST, new=huge)
    assert code == 4 and "non_finite" in out


BAD = {
    "no section": (
        CONFIG[CONFIG.index("[[compare]]") :],
        "",
        ("config.toml: compare: ", "[[compare]]"),
    ),
    "unknown optimiser": (
        '"sgd"',
        '"sdg"',
        ("config.toml:18: compare.0.optimiser: ", "did you mean 'sgd'?", "'sdg'"),
    ),
    "unknown key": (
        "momentum = 0.8",
        "momentun = 0.8",
        ("config.toml:24: compare.1.momentun: ", "unknown key", "'momentum'"),
    ),
    "no learning rate": (
        "learning_rate = 0.01\n",
        "",
        ("config.toml:17: compare.0.learning_rate: ", "required"),
    ),
    "negative learning rate": (
        "0.01",
        "-0.01",
        ("config.toml:19: compare.0.learning_rate: ", "greater than 0", "-0.01"),
    ),
    "schedule that is none": (
        "learning_rate = 0.01",
        'learning_rate = "user.py:optax"',
        ("config.toml:19: compare.0.learning_rate: ", "step -> number", "module"),
    ),
    "schedule of two numbers": (
        "learning_rate = 0.01",
        'learning_rate = "user.py:pair"',
        ("config.toml:19: compare.0.learning_rate: ", "returns one number", "[2]"),
    ),
    "schedule that is no JAX": (
        "learning_rate = 0.01",
        'learning_rate = "user.py:host"',
        ("config.toml:19: compare.0.learning_rate: ", "TracerBoolConversionError"),
    ),
    "schedule that is a list": (
        "learning_rate = 0.01",
        "learning_rate = [0.01]",
        (
            "config.toml:19: compare.0.learning_rate: ",
            "a function of the step",
            "[0.01",
        ),
    ),
    "momentum of one": (
        "momentum = 0.8",
        "momentum = 1.0",
        ("config.toml:24: compare.1.momentum: ", "less than 1", "1.0"),
    ),
    "momentum of sgd": (
        FIRST,
        FIRST + "\nmomentum = 0.9",
        ("config.toml:20: compare.0.momentum: ", "heavy_ball and nesterov", "'sgd'"),
    ),
    "replacement without batch": (
        "batch = 5",
        "replacement = true",
        ("config.toml:25: compare.1.replacement: ", "needs batch"),
    ),
    "arguments of a named one": (
        FIRST,
        FIRST + "\narguments = {b1 = 0.5}",
        ("config.toml:20: compare.0.arguments: ", "for a target"),
    ),
    "decay of a target": (
        FIRST,
        FIRST.replace("sgd", "user.py:make") + "\nweight_decay = 0.1",
        ("config.toml:20: compare.0.weight_decay: ", "named optimisers"),
    ),
    "two of one name": (
        '"ball"',
        '"sgd"',
        ("config.toml:21: compare.1.name: ", "compare.0", "'sgd'"),
    ),
    "batch over the samples": (
        "batch = 5",
        "batch = 21",
        ("config.toml:25: compare.1.batch: ", "number of samples, 20", "got 21"),
    ),
    "steps longer than the flow": (
        "learning_rate = 0.01",
        "learning_rate = 2.0",
        ("config.toml:19: compare.0.learning_rate: ", "t1 = 1"),
    ),
    "no such file": (
        '"sgd"',
        '"nowhere.py:make"',
        ("config.toml:18: compare.0.optimiser: ", "there is no file"),
    ),
    "no such name": (
        '"sgd"',
        '"user.py:mak"',
        ("config.toml:18: compare.0.optimiser: ", "has no 'mak'", "'make'"),
    ),
    "not a transformation": (
        '"sgd"',
        '"user.py:number"',
        ("config.toml:18: compare.0.optimiser: ", "Optax transformation", "int"),
    ),
    "a target that raises": (
        '"sgd"',
        '"user.py:bad"',
        ("config.toml:18: compare.0.optimiser: ", "no optimiser today", "user.py:10"),
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, call, tmp_path):
    old, new, wanted = BAD[name]
    code, out, err = call("--quiet", "--out", "out", old=old, new=new)
    assert code == 2 and out == ""
    assert err.startswith("error: config.toml") and err.count("\n") == 1
    for words in wanted:
        assert words in err
    assert not (tmp_path / "out").exists()


def test_bad_folder(call):
    code, _, err = call("--quiet", "--out", "user.py")
    assert code == 2 and "user.py cannot be made" in err
