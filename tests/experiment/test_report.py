"""What a run tells: the report it leaves, and its progress while it goes on."""

import io
import math
import os
import re
import sys
import time
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from gfflow.experiment.tell import _progress, _report
from gfflow.experiment.tell._progress import Progress
from gfflow.experiment.tell._report import write_report

TIMES = [0.0] + [10.0**k for k in range(-3, 4)]
METRICS = {
    "status": "successful",
    "t": 1000.0,
    "loss": 1.25e-4,
    "gradient_norm": 3e-8,
    "steps": {"accepted": 1234, "rejected": 56},
    "cost": {
        "gradients": 14000,
        "hvps": None,
        "gradient_equivalents": 14001,
        "wall_s": 12.3,
        "compile_s": 4.56,
    },
    "laws": [
        {
            "name": name,
            "count": 64,
            "verdict": verdict,
            "max_drift": 3.21e-11,
            "rate": 1.5e-16,
            "scale": 12.3,
            "order": order,
            "budget": {"integrator": 2e-10, "round_off": 7e-15, "law": 0.0},
        }
        for name, verdict, order in [
            ("balancedness[0]", "conserved", 7.91),
            ('<script>alert("1")</script>', "broken", None),
        ]
    ],
}
SERIES = {
    "t": TIMES,
    "loss": [1 / (1 + t) for t in TIMES],
    "gradient_norm": [1 / (1 + t) ** 2 for t in TIMES],
    "drift": {
        "balancedness[0]": [1e-12 * t for t in TIMES],
        '<script>alert("1")</script>': [1e-6 * t for t in TIMES],
        "_$x_$ & more": [0.0, None, math.nan, math.inf, -1e-3, 1e-3, 1e-3, 1e-3],
    },
}
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Checks that tags are closed, and keeps the text of each element."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.texts, self.ids = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.ids += [value for key, value in attrs if key == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture
def report(tmp_path):
    def write(metrics=METRICS, series=SERIES, title="a run", config_text="a = 1"):
        path = tmp_path / "report.html"
        write_report(
            path,
            title=title,
            config_text=config_text,
            metrics=metrics,
            series=series,
        )
        return path.read_text(encoding="utf-8")

    return write


@pytest.fixture(scope="module")
def page_text(tmp_path_factory):
    pytest.importorskip("matplotlib")
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(
        path,
        title="<i>a & b",
        config_text='x = "<y>"',
        metrics=METRICS,
        series=SERIES,
    )
    return path.read_text(encoding="utf-8")


@pytest.fixture
def no_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_report_shows_everything(page_text):
    page = Page(page_text)
    said = "\n".join(page.texts)
    for words in (
        [
            "<i>a & b",
            "successful",
            "t = 1000",
            "loss 1.25e-04",
            "gradient norm 3.00e-08",
        ],
        ["balancedness[0]", "conserved", "broken", "64", "1.50e-16", "3.21e-11"],
        ["7.91", "12.3", "2.00e-10", "7.00e-15", "1234", "56", "14000", "14001"],
        ["4.56", '<script>alert("1")</script>', "_$x_$ & more", 'x = "<y>"'],
        ["flow time", "10⁻³", "10³"],
    ):
        for word in words:
            assert word in said, word
    assert page.tags.count("figure") == 3
    assert "script" not in page.tags and "link" not in page.tags
    assert len(page.ids) == len(set(page.ids))


def test_report_needs_nothing_else_and_follows_the_reader_s_colours(page_text):
    text = page_text
    addresses = set(re.findall(r"https?://[^\s\"'<]*", text))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r'href="(.)', text)) <= {"#"}
    body = text[text.index("<body>") :]
    assert re.findall(r"#[0-9a-f]{6}\b", body) == []
    assert "currentColor" in body and "var(--c2)" in body
    assert "prefers-color-scheme: dark" in text


def test_curves_go_through_the_positive_points(page_text):
    svgs = re.findall(r'<svg class="curve".*?</svg>', page_text, flags=re.DOTALL)
    assert len(svgs) == 3
    counts = []
    for svg in svgs:
        root = ElementTree.fromstring(svg)
        paths = [path.attrib for path in root.iter() if path.tag.endswith("path")]
        drawn = [path["d"] for path in paths if "var(--c" in path.get("style", "")]
        counts.append([len(re.findall("[ML]", path)) for path in drawn])
    positive = len(TIMES) - 1
    assert counts[0][0] <= positive and len(counts[0]) == len(counts[1]) == 1
    assert len(counts[2]) == 3


def test_points_that_a_logarithmic_plot_can_show():
    values = [1.0, 0.0, None, math.nan, math.inf, 1e-300, 1e300, -2.0, 3.0]
    times = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
    assert _report._positive(times, values) == [(7.0, 2.0), (8.0, 3.0)]


@pytest.mark.parametrize(
    "values", [[1e-3], [0.5, 0.5000001], [1e-199, 1e199], [3.0, 3.0]]
)
def test_curves_of_any_range(report, values):
    pytest.importorskip("matplotlib")
    times = [1.0 + k for k in range(len(values))]
    text = report(series={"t": times, "loss": values})
    assert text.count('<svg class="curve"') == 1


def test_without_matplotlib_the_tables_stand_alone(report, no_matplotlib):
    page = Page(report())
    said = "\n".join(page.texts)
    assert "pip install 'gfflow[plot]'" in said
    assert "svg" not in page.tags
    assert page.tags.count("table") == 2
    assert "3.21e-11" in said and "14001" in said


@pytest.mark.parametrize("series", [{}, {"t": [], "loss": [], "drift": {}}])
@pytest.mark.parametrize("metrics", [{}, {"laws": [{"name": "a"}], "t": math.nan}])
def test_report_of_a_run_that_got_nowhere(report, metrics, series):
    said = "\n".join(Page(report(metrics=metrics, series=series)).texts)
    assert "–" in said
    assert ("No law was checked" in said) == (not metrics)


def test_same_report_twice(report):
    series = {"t": [1.0, 2.0], "drift": {"a": [1.0, 2.0]}}
    assert report(series=series) == report(series=series)


def test_report_appears_whole_or_not_at_all(
    report, no_matplotlib, tmp_path, monkeypatch
):
    before = report(title="before")

    def fail(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        report(title="after")
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == before


class Terminal(io.StringIO):
    def isatty(self):
        return True


def updates(progress, times):
    for step, t in enumerate(times, 1):
        progress.update(t, 0.5 * step, 1e-3, t / 10, 100 * step)


def test_progress_in_plain_lines(capsys):
    stream = io.StringIO()
    with Progress(0.0, 1000.0, stream=stream) as progress:
        updates(progress, [1.0, 10.0, 100.0, 1000.0])
    first, last = stream.getvalue().splitlines()
    assert "t 1 " in first and "loss 5.00e-01" in first and "100 steps" in first
    assert last.startswith("100%") and "loss 2.00e+00" in last
    assert "gradient 1.0e-03" in last and "step 1.0e+02" in last
    assert capsys.readouterr() == ("", "")


def test_progress_interval(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: clock[0])
    stream = io.StringIO()
    with Progress(0.0, 100.0, stream=stream, interval=5.0) as progress:
        for second in range(12):
            clock[0] = float(second)
            progress.update(1.0 + second, 1.0, 1.0, 0.1, second)
    steps = [int(line.split()[-2]) for line in stream.getvalue().splitlines()]
    assert steps == [0, 5, 10, 11]


def test_progress_goes_to_stderr_unless_told_otherwise(capsys):
    with Progress(0.0, 1.0) as progress:
        updates(progress, [1.0])
    with Progress(0.0, 1.0, enabled=False) as progress:
        updates(progress, [1.0])
    out, error = capsys.readouterr()
    assert out == "" and error.count("\n") == 1


def test_progress_tells_the_last_state_of_a_run_that_fails():
    stream = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        with Progress(0.0, 1.0, stream=stream) as progress:
            updates(progress, [0.1, 0.2])
            raise KeyboardInterrupt
    assert "200 steps" in stream.getvalue().splitlines()[-1]


def test_progress_on_a_stream_that_is_gone():
    stream = io.StringIO()
    with Progress(0.0, 1.0, stream=stream, interval=0.0) as progress:
        updates(progress, [0.1])
        stream.write = lambda text: (_ for _ in ()).throw(BrokenPipeError())
        updates(progress, [0.2, 0.3])
    assert stream.getvalue().count("\n") == 1


def test_progress_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    with Progress(0.0, 1000.0, stream=stream) as progress:
        updates(progress, [1.0, 10.0, 1000.0])
    shown = stream.getvalue()
    for words in ("100%", "t 1e+03", "loss 1.50e+00", "gradient 1.0e-03", "0 s left"):
        assert words in shown
    assert capsys.readouterr() == ("", "")


def test_progress_on_a_dumb_terminal_is_plain(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with Progress(0.0, 1000.0, stream=stream) as progress:
        updates(progress, [1.0])
    assert "\x1b" not in stream.getvalue() and "100 steps" in stream.getvalue()


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_remaining_time_of_steps_that_grow_as_a_power(monkeypatch, power):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    t, steps, t1 = 1.0, 0, 1000.0
    remaining = _progress._Remaining(t1)
    remaining.start(0.0)
    estimate = at_estimate = None
    while t < t1:
        step_size = 1e-3 * t**power if power < 1 else 1e-3 * t
        t, steps = t + step_size, steps + 1
        clock[0] += 0.01
        if steps in (200, 400):
            estimate = remaining.update(t, step_size, steps)
            at_estimate = clock[0]
        if steps > 400 and power < 1:
            break
    if power == 1.0:
        truth = clock[0] - at_estimate
    else:
        truth = 0.01 * (t1 ** (1 - power) - t ** (1 - power)) / (1 - power) / 1e-3
    assert estimate == pytest.approx(truth, rel=0.02)


def test_remaining_time_that_nothing_tells():
    remaining = _progress._Remaining(1.0)
    remaining.start(0.0)
    assert remaining.update(0.1, 0.01, 10) is None
    for step_size in (0.0, math.nan, math.inf):
        assert remaining.update(0.2, step_size, 20) is None
    assert remaining.update(0.2, 0.01, 10) is None
    assert remaining.update(1.0, 0.01, 100) == 0.0


@pytest.mark.parametrize(
    "seconds, text",
    [(0.4, "0 s"), (80.0, "1 min 20 s"), (7500.0, "2 h 5 min"), (1e6, "12 days")],
)
def test_duration(seconds, text):
    assert _progress._duration(seconds) == text


def test_drift_explained(report):
    recorded = {"drift": 3e-9, "change": 2e-9, "integrator": 1e-9}
    recorded |= {"absolute": 5e-9, "largest": 7e-9, "at": None}
    laws = [{"name": "a law", "recorded": recorded}, {"name": "b", "recorded": None}]
    texts = Page(report(metrics={"laws": laws})).texts
    table = texts[texts.index("Drift explained") :]
    for cell in ("3.00e-09", "2.00e-09", "1.00e-09", "5.00e-09", "7.00e-09"):
        assert cell in table
    assert "b" not in table
    assert "Drift explained" not in Page(report(metrics=METRICS)).texts
