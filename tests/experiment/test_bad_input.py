"""Mistakes that show only when parts are made: one clear message each, exit code 2.

Those that show in the file alone are in test_config.py.
"""

import numpy as np
import pytest

GOOD = """\
[problem]
loss = "mse"
[problem.model]
kind = "mlp"
widths = [3, 4, 2]
[problem.data]
kind = "npz"
path = "data.npz"
[solver]
t1 = 0.1
rtol = 1e-6
"""

USER = """\
import equinox as eqx
import jax.numpy as jnp
import gfflow as gf

def good(key):
    return gf.models.MLP([3, 4, 2], key=key)

def raises():
    raise RuntimeError("no such luck")

def number():
    return 3

def needs(width):
    return None

def wrong_data():
    return jnp.ones((4, 3))

def nan_data():
    return jnp.full((4, 3), jnp.nan), jnp.ones((4, 2))

def bad_loss(prediction, target):
    return prediction - target

def failing_loss(prediction, target):
    return prediction @ target[:, None, None]

def fine_law(model):
    return model.layers[0].weight[0, 0]

def failing_law(model):
    return model.nothing

def law_of_three(a, b, c):
    return a

class Empty(eqx.Module):
    def __call__(self, x):
        return x[:2]

def empty():
    return Empty()

not_callable = 5
"""


def model(target):
    return {'kind = "mlp"\nwidths = [3, 4, 2]\n': f'target = "{target}"\n'}


def data(text):
    return {'kind = "npz"\npath = "data.npz"\n': text}


def law(text):
    return {"rtol = 1e-6\n": f'rtol = 1e-6\n[[laws.custom]]\nname = "mine"\n{text}\n'}


CASES = {
    "model target without module": (
        model("no_such_module:factory"),
        ("bad.toml:4: problem.model.target", "no_such_module cannot be imported"),
    ),
    "model target without name": (
        model("./user.py:god"),
        ("bad.toml:4", "has no 'god' (did you mean 'good'?)"),
    ),
    "factory raises": (
        model("./user.py:raises"),
        ("raised RuntimeError: no such luck (user.py:9)",),
    ),
    "factory without its argument": (
        model("./user.py:needs"),
        ("takes (width)", "arguments"),
    ),
    "factory of no model": (model("./user.py:number"), ("returned int",)),
    "target not callable": (model("./user.py:not_callable"), ("not callable: int",)),
    "model without parameters": (
        model("./user.py:empty"),
        ("no floating-point array that trains",),
    ),
    "file that cannot be imported": (
        model("./broken.py:factory"),
        ("cannot be imported: SyntaxError",),
    ),
    "inputs of another width": (
        {"widths = [3, 4, 2]": "widths = [7, 4, 2]"},
        ("cannot be called on one sample of float64[3]",),
    ),
    "outputs of another width": (
        {"widths = [3, 4, 2]": "widths = [3, 4, 5]"},
        ("the model returns shape (5,)", "target has shape (2,)"),
    ),
    "NaN in the data": (
        data('kind = "npz"\npath = "nan.npz"\n'),
        ("inputs hold NaN", "[1, 2]"),
    ),
    "NaN from a data target": (
        data('target = "./user.py:nan_data"\n'),
        ("inputs hold NaN",),
    ),
    "array that is not there": (
        data('kind = "npz"\npath = "data.npz"\ninputs = "xx"\n'),
        ("bad.toml:9: problem.data.inputs", "has no array 'xx' (did you mean 'x'?)"),
    ),
    "not an archive": (
        data('kind = "npz"\npath = "user.py"\n'),
        ("bad.toml:8: problem.data.path: ", "cannot be read as .npz"),
    ),
    "unequal numbers of samples": (
        data('kind = "npz"\npath = "unequal.npz"\n'),
        ("inputs have 4 samples and targets 3",),
    ),
    "no samples": (data('kind = "npz"\npath = "none.npz"\n'), ("no samples",)),
    "objects in the archive": (
        data('kind = "npz"\npath = "objects.npz"\n'),
        ("cannot be read",),
    ),
    "words in the table": (
        data('kind = "csv"\npath = "words.csv"\n'),
        ("words.csv:3: column 'b': wanted a number; got 'two'",),
    ),
    "no such column": (
        data('kind = "csv"\npath = "table.csv"\ntargets = ["d"]\n'),
        ("bad.toml:9: problem.data.targets: ", "table.csv has no column 'd'"),
    ),
    "data target of one array": (
        data('target = "./user.py:wrong_data"\n'),
        ("must return (inputs, targets)",),
    ),
    "too many samples": (
        data('kind = "digits"\nsamples = 100000\n'),
        ("bad.toml:8: problem.data.samples: ", "1797 samples; 100000 were asked for"),
    ),
    "one-hot targets of real values": (
        data('kind = "diabetes"\ntargets = "one_hot"\n'),
        ("bad.toml:8: problem.data.targets: ", "diabetes has real targets"),
    ),
    "negative weights": (
        data('kind = "npz"\npath = "data.npz"\nweights = "negative"\n'),
        ("weights must be finite, nonnegative",),
    ),
    "loss without name": (
        {'loss = "mse"': 'loss = "./user.py:no_loss"'},
        ("bad.toml:2: problem.loss", "has no 'no_loss'"),
    ),
    "loss that is no scalar": (
        {'loss = "mse"': 'loss = "./user.py:bad_loss"'},
        ("must be a real scalar", "float64[2]"),
    ),
    "loss that fails": (
        {'loss = "mse"': 'loss = "./user.py:failing_loss"'},
        ("the loss cannot be called",),
    ),
    "labels for a vector of logits": (
        {'loss = "mse"': 'loss = "softmax_cross_entropy"', "2]": "3]"},
        ("wants an integer label", "shape (2,)"),
    ),
    "unknown trainable": (
        {'loss = "mse"': 'loss = "mse"\ntrainable = ["layers[0].wieght"]'},
        ("bad.toml:3: problem.trainable", "did you mean 'layers[0].weight'?"),
    ),
    "rate of an unknown parameter": (
        {'loss = "mse"': 'loss = "mse"\ntime_scale = { "layers[0].wieght" = 2 }'},
        ("bad.toml:3: problem.time_scale", "did you mean 'layers[0].weight'?"),
    ),
    "rate that is negative": (
        {'loss = "mse"': 'loss = "mse"\ntime_scale = { "layers[0].weight" = -2 }'},
        ("bad.toml:3: problem.time_scale", "must be greater than 0"),
    ),
    "rate that is a text": (
        {'loss = "mse"': 'loss = "mse"\ntime_scale = "fast"'},
        ("bad.toml:3: problem.time_scale", "a table parameter path = number"),
    ),
    "law of an unknown parameter": (
        law('expression = "sum(W3**2)"'),
        ("bad.toml:14: laws.custom.0.expression", "no parameter of name 'W3'"),
    ),
    "law with an index too far": (
        law('expression = "W1[4, 0]"'),
        ("index 4", "outside an axis of length 4"),
    ),
    "law of shapes that do not fit": (
        law('expression = "sum(W1 @ W1)"'),
        ("'mine' cannot be evaluated",),
    ),
    "law function that fails": (
        law('function = "./user.py:failing_law"'),
        ("laws.custom.0.function", "no attribute 'nothing'"),
    ),
    "law function of three arguments": (
        law('function = "./user.py:law_of_three"'),
        ("(model) or (t, model)",),
    ),
    "alias of nothing": (
        law('expression = "sum(A)"\n[laws.names]\nA = "layers[9].weight"'),
        ("alias 'A' names no parameter",),
    ),
    "family without layers": (
        {"widths = [3, 4, 2]": "widths = [3, 2]"}
        | {"rtol = 1e-6\n": 'rtol = 1e-6\n[laws]\nfamilies = ["rescaling"]\n'},
        ("laws.families", "'rescaling' finds no layers"),
    ),
    "device that is not there": (
        {"rtol = 1e-6\n": 'rtol = 1e-6\n[run]\ndevice = "tpu"\n'},
        ("run.device", "JAX finds only: cpu"),
    ),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with data files and a user's module, entered."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "broken.py").write_text("def factory(:\n")
    (tmp_path / "words.csv").write_text("a,b,c\n1,2,3\n1,two,3\n")
    (tmp_path / "table.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    x, y = np.arange(12.0).reshape(4, 3), np.ones((4, 2))
    np.savez(tmp_path / "data.npz", x=x, y=y, negative=-np.ones(4))
    np.savez(tmp_path / "nan.npz", x=np.where(x == 5, np.nan, x), y=y)
    np.savez(tmp_path / "unequal.npz", x=x, y=y[:3])
    np.savez(tmp_path / "none.npz", x=x[:0], y=y[:0])
    np.savez(tmp_path / "objects.npz", x=x.astype(object), y=y)
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_bad_input(name, folder, command, capsys):
    changes, wanted = CASES[name]
    text = GOOD
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "bad.toml").write_text(text)
    before = sorted(p.name for p in folder.iterdir())
    assert command("run", "bad.toml", "--quiet") == 2
    after = sorted(p.name for p in folder.iterdir() if p.name != "__pycache__")
    assert after == before
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: bad.toml")
    assert shown.err.count("\n") == 1
    assert "Traceback" not in shown.err
    for words in wanted:
        assert words in shown.err


def test_the_good_config_is_good(folder, command):
    (folder / "good.toml").write_text(GOOD)
    quick = ("--set", "solver.name=tsit5")
    assert command("check", "good.toml", "--quiet", "--json", *quick) == 0
    assert not (folder / "runs").exists()


def test_bad_folders(folder, command, capsys):
    (folder / "good.toml").write_text(GOOD)
    assert command("resume", "nowhere") == 2
    assert "is not a run folder" in capsys.readouterr().err
    (folder / "full").mkdir()
    (folder / "full" / "file").write_text("mine")
    assert command("run", "good.toml", "--out", "full", "--quiet") == 2
    assert "not empty" in capsys.readouterr().err
    assert [p.name for p in (folder / "full").iterdir()] == ["file"]
    assert command("run", "good.toml", "--out", "user.py/run") == 2
    assert "cannot be made" in capsys.readouterr().err


def test_damaged_folder(folder, command, capsys):
    (folder / "good.toml").write_text(GOOD)
    assert command("run", "good.toml", "--out", "run", "--quiet") == 0
    checkpoint = folder / "run" / "checkpoint.eqx"
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: len(content) // 2])
    capsys.readouterr()
    assert command("resume", "run") == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "damaged, or of another version of gfflow" in told
    assert "run its config.toml again" in told
    checkpoint.write_bytes(content)
    (folder / "run" / "seg-000002.npz").write_bytes(b"not an archive")
    assert command("resume", "run") == 2
    assert "seg-000002.npz cannot be read" in capsys.readouterr().err
    assert command("resume", "run", "--set", "solver.rtol=1e-3") == 2
    assert "can change only" in capsys.readouterr().err


def test_json_errors_are_json(folder, command, capsys):
    import json

    (folder / "bad.toml").write_text(GOOD.replace("mse", "msee"))
    assert command("run", "bad.toml", "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert len(found["errors"]) == 1 and "bad.toml:2" in found["errors"][0]
