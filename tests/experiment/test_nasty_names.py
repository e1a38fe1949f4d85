"""Names are text: on the screen, in a page, in files, in messages."""

import html
import io
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

import gfflow as gf
from gfflow.experiment import tell
from gfflow.experiment.tell import Screen, print_compared, print_laws, visible

from ..annotations import wrong_arguments
from .config_cases import LINEAR

NASTY = [
    "[/x] mine",
    "W[k,:]",
    "[red]W1[/red]",
    "<script>alert('1')</script> & \"b\"",
    ":smile: {inside} {text} %s $x_1$",
    "line\nbreak\tand \x1b[31mred\x1b[0m",
    "a/../b.npy",
]
CONFIG = (
    LINEAR
    + """\
[solver]
name = "tsit5"
t1 = 0.1
rtol = 1e-4
[save]
count = 2
[laws]
families = []
ladder = false
must_hold = false
"""
)


def text_of(draw, subject) -> str:
    """What is printed on a wide screen."""
    out = io.StringIO()
    draw(subject, Screen(file=out, width=2000))
    return out.getvalue()


def test_a_run(command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    laws = "".join(
        f"[[laws.custom]]\nname = {json.dumps(name)}\nexpression = 'sum(W1)'\n"
        for name in NASTY
    )
    config, folder = "[x] <b>&.toml", "[out] <i>"
    Path(config).write_text(CONFIG + laws)
    assert command("run", config, "--out", folder) == 0
    shown = capsys.readouterr()
    for name in NASTY:
        assert shown.out.count(visible(name)) == 2
    assert f"written to {folder}" in shown.out
    assert f"run folder: {folder}" in shown.err
    assert "\x1b" not in shown.out + shown.err
    page = (tmp_path / folder / "report.html").read_text()
    body = page[: page.index("<h2>Config</h2>")]
    assert set(re.findall(r"<(\w+)", body)) <= set(
        "html head meta title style body h1 h2 p span div table thead tbody tr th td "
        "figure figcaption svg g path defs use text clipPath rect".split()
    )
    for name in NASTY:
        assert body.count(html.escape(visible(name))) == 3
    assert command("resume", folder) == 0
    assert set(gf.load(folder).laws) == set(NASTY)


@pytest.mark.parametrize("name", NASTY)
def test_messages(command, capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    text = CONFIG + f"[[laws.custom]]\nname = 'a'\nexpression = {json.dumps(name)}\n"
    Path("config.toml").write_text(text.replace('"tsit5"', json.dumps(name)))
    assert command("check", "config.toml") == 2
    name_error, law_error = capsys.readouterr().err.splitlines()
    assert f"got {name!r}" in name_error
    assert law_error.startswith("error: config.toml:23: laws.custom.0.expression: ")
    assert command("check", name) == 2
    assert f"error: {visible(name)}: there is no such file" in capsys.readouterr().err


@wrong_arguments
@pytest.mark.parametrize("name", NASTY)
def test_tables(name):
    law = SimpleNamespace(name=name, degree="linear")
    found = SimpleNamespace(
        laws=[law],
        expressions={name: name},
        supports={name: [name]},
        verified={name: name},
        upper_bound=1,
        flow=name,
        parameters=3,
        lower_bound=1,
        complete=True,
        certificate=SimpleNamespace(
            method=name, ranks_per_level=[1], gap=None, primes=(), points=[1]
        ),
        notes=[name],
        wall_s=0.0,
    )
    assert text_of(print_laws, found).count(visible(name)) == 6
    one = SimpleNamespace(
        finished=False,
        status=name,
        steps=[1],
        ts=[1.0],
        losses=[1.0],
        flow_losses=[1.0],
        distances=[0.0],
        departure=None,
        thresholds=None,
        flow_sharpness=None,
        laws={name: SimpleNamespace(name=name, residual=None, flow=0.0, discrete=0.0)},
    )
    compared = SimpleNamespace(comparisons={name: one}, written=name)
    assert text_of(print_compared, compared).count(visible(name)) == 5


def test_only_the_screen_makes_text():
    """A table that made its own console could take names for markup again."""
    for path in Path(tell.__file__).parent.parent.rglob("*.py"):
        text = path.read_text()
        if path.name not in ("_screen.py", "_progress.py"):
            assert not re.search(r"Console|rich\.(table|markup)|typer\.secho", text)
