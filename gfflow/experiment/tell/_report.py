"""One run as one self-contained HTML file."""

import html
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any

from ..store import write_atomically
from ._screen import visible

_Points = Sequence[tuple[float, float]]

_COLOURS = 8
_DASHES = ("-", "--", ":", "-.")
_INK = "#010203"
_GRID = "#020304"
_LEAST = 1e-200
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2129; --faint: #68707d;
  --line: #d9dde3; --good: #1a7f4b; --bad: #c4321f; --note: #2563b0; --open: #8f6400;
  --c0: #2563b0; --c1: #c2571a; --c2: #1a7f4b; --c3: #a3328c;
  --c4: #8f6400; --c5: #0f7f8c; --c6: #6a4fc4; --c7: #c4321f; }
@media (prefers-color-scheme: dark) { :root { --paper: #16191e; --ink: #e4e7ec;
  --faint: #99a2b0; --line: #333a45; --good: #55c38a; --bad: #f0806f;
  --note: #77aef0; --open: #dcae4c; --c0: #77aef0; --c1: #f0a070; --c2: #55c38a;
  --c3: #e08acb; --c4: #dcae4c; --c5: #5cc4d0; --c6: #b09cf5; --c7: #f0806f; } }
body { background: var(--paper); color: var(--ink); margin: 2rem auto;
  max-width: 66rem; padding: 0 1.25rem; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .5rem; }
p { margin: .25rem 0; }
.faint, th { color: var(--faint); font-weight: normal; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem 1rem .3rem 0;
  text-align: right; white-space: nowrap; }
th:first-child, td:first-child, .laws :nth-child(2) { text-align: left; }
.good { color: var(--good); } .bad { color: var(--bad); }
.note { color: var(--note); } .open { color: var(--open); }
.good, .bad, .note, .open { font-weight: 600; }
.curves { display: grid; gap: 1rem 2rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); }
figure { margin: 0; } figcaption { font-size: .85rem; color: var(--faint); }
svg.curve { display: block; width: 100%; height: auto; }
.scroll svg.curve { min-width: 38rem; }
.legend { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; font-size: .85rem; }
.legend svg { width: 1.8em; height: .7em; margin-right: .4em; }
pre { border: 1px solid var(--line); border-radius: 4px; overflow-x: auto;
  padding: .8rem 1rem; font: 13px/1.45 ui-monospace, monospace; }
"""

_VERDICTS = {
    "conserved": "good",
    "conserved-on-this-data": "good",
    "predicted-decay": "note",
    "broken": "bad",
    "inconclusive": "open",
}


def write_report(
    path: Path,
    *,
    title: str,
    config_text: str,
    metrics: Mapping[str, Any],
    series: Mapping[str, Any],
) -> None:
    """Write the report of one run, as one HTML file that needs nothing else.

    The curves are inline SVG. Without matplotlib the tables stand alone, and a
    sentence says how to get the curves. The file appears whole or not at all.

    **Arguments:**

    - `path`: the file to write.
    - `title`: its heading.
    - `config_text`: the config, as it was read.
    - `metrics`: the contents of `metrics.json`; what is missing is shown as a dash.
    - `series`: `"t"`, `"loss"` and `"gradient_norm"`, each one number a saved time,
        and `"drift"`: law name → drift relative to the law's scale.

    **Raises:** `OSError` if the file cannot be written.
    """
    escaped = _text(title)
    body = [
        f"<h1>{escaped}</h1>",
        _summary(metrics),
        "<h2>Laws</h2>",
        _law_table(metrics.get("laws") or []),
        _rate_table(metrics.get("laws") or []),
        _curves(series),
        "<h2>Cost</h2>",
        _cost_table(metrics),
        "<h2>Config</h2>",
        f"<pre>{html.escape(config_text)}</pre>",
    ]
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escaped}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )
    write_atomically(Path(path), lambda file: file.write(page.encode()))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, str | bool | Integral):
        return str(value)
    number = float(value)
    plain = number == 0 or 1e-2 <= abs(number) < 1e4
    return f"{number:.4g}" if plain else f"{number:.2e}"


def _summary(metrics: Mapping[str, Any]) -> str:
    labels = {"t": "t =", "loss": "loss", "gradient_norm": "gradient norm"}
    facts = [f"{label} {_shown(metrics.get(key))}" for key, label in labels.items()]
    status = _text(_shown(metrics.get("status")))
    return f'<p>{status} <span class="faint">· {" · ".join(facts)}</span></p>'


class _Html(str):
    """A text that is HTML already; any other one is escaped."""


def _text(text: str) -> _Html:
    return text if isinstance(text, _Html) else _Html(html.escape(visible(text)))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in heads)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(cell)}</td>' for cell in row)}</tr>\n"
        for row in rows
    )
    return (
        f'<div class="scroll{kind}"><table><thead><tr>{head}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>"
    )


def _law_table(laws: Sequence[Mapping[str, Any]]) -> str:
    if not laws:
        return "<p>No law was checked.</p>"
    heads = ["law", "verdict", "count", "rate", "largest drift", "scale", "order"]
    heads += ["integrator", "round-off", "law error"]
    rows = []
    for law in laws:
        verdict = str(law.get("verdict", "–"))
        colour = _VERDICTS.get(verdict, "faint")
        budget = law.get("budget") or {}
        keys = ("count", "rate", "max_drift", "scale", "order")
        rows.append(
            [
                _shown(law.get("name")),
                _Html(f'<span class="{colour}">{_text(verdict)}</span>'),
                *(_shown(law.get(key)) for key in keys),
                *(
                    _shown(budget.get(key))
                    for key in ("integrator", "round_off", "law")
                ),
            ]
        )
    note = (
        '<p class="faint">Integrator, round-off and law error are the error budget '
        "that the verdict allows for.</p>"
    )
    return _table(heads, rows, " laws") + note


def _rate_table(laws: Sequence[Mapping[str, Any]]) -> str:
    """The drift of each law, explained by its rate at the steps and the integrator."""
    recorded = [(law.get("name"), law.get("recorded")) for law in laws]
    keys = ("drift", "change", "integrator", "absolute", "largest", "at")
    rows = [
        [_shown(name), *(_shown(rate.get(key)) for key in keys)]
        for name, rate in recorded
        if rate
    ]
    if not rows:
        return ""
    heads = ["law", "h(t₁) − h(t₀)", "∫ḣ dt", "integrator", "∫|ḣ| dt", "largest |ḣ|"]
    note = (
        '<p class="faint">ḣ at the stages of every accepted step, without what the law '
        "itself states in |ḣ|; the integrator has added the rest of the drift. Of all "
        "components the largest.</p>"
    )
    return "<h2>Drift explained</h2>\n" + _table([*heads, "at t ="], rows) + note


def _cost_table(metrics: Mapping[str, Any]) -> str:
    steps, cost = metrics.get("steps") or {}, metrics.get("cost") or {}
    cells = {
        "steps accepted": steps.get("accepted"),
        "steps rejected": steps.get("rejected"),
        "gradients": cost.get("gradients"),
        "Hessian-vector products": cost.get("hvps"),
        "gradient equivalents": cost.get("gradient_equivalents"),
        "wall time (s)": cost.get("wall_s"),
        "compile time (s)": cost.get("compile_s"),
    }
    return _table(list(cells), [[_shown(value) for value in cells.values()]])


def _curves(series: Mapping[str, Any]) -> str:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return (
            '<p class="faint">The curves are left out because matplotlib is not '
            "installed: <code>pip install 'gfflow[plot]'</code> brings it.</p>"
        )
    times, drift = series.get("t", ()), series.get("drift") or {}
    loss = _positive(times, series.get("loss", ()))
    gradient = _positive(times, series.get("gradient_norm", ()))
    drifts = [_positive(times, values) for values in drift.values()]
    return (
        f'<h2>Curves</h2>\n<div class="curves">{_figure("loss", "Loss", [loss])}'
        f"{_figure('gradient', 'Gradient norm', [gradient])}</div>\n"
        f"<h2>Drift, relative to each law's scale</h2>\n{_legend(list(drift))}"
        f'<div class="scroll">{_figure("drift", "", drifts)}</div>'
    )


def _positive(times: Sequence[Any], values: Sequence[Any]) -> list[tuple[float, float]]:
    """The points that a plot with two logarithmic axes can show."""
    points = [
        (float(time), abs(float(value)))
        for time, value in zip(times, values, strict=False)
        if time is not None and value is not None
    ]
    return [
        (time, value)
        for time, value in points
        if _LEAST < time < 1 / _LEAST and _LEAST < value < 1 / _LEAST
    ]


def _legend(labels: Sequence[str]) -> str:
    entries = []
    for index, label in enumerate(labels):
        colour, dash = index % _COLOURS, _DASHES[index // _COLOURS % len(_DASHES)]
        pattern = {"-": "none", "--": "5 2", ":": "1.5 2", "-.": "5 2 1.5 2"}[dash]
        entries.append(
            '<span><svg viewBox="0 0 18 7" aria-hidden="true"><path d="M0 3.5H18" '
            f'stroke="var(--c{colour})" stroke-width="2" '
            f'stroke-dasharray="{pattern}"/></svg>{_text(label)}</span>'
        )
    return f'<div class="legend">{"".join(entries)}</div>'


def _figure(name: str, caption: str, curves: Sequence[_Points]) -> str:
    if any(curves):
        picture = _svg(name, curves)
    else:
        picture = "<p>There is no positive value to draw.</p>"
    return f"<figure><figcaption>{caption}</figcaption>{picture}</figure>\n"


def _svg(name: str, curves: Sequence[_Points]) -> str:
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, NullLocator

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": name,
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "grid.color": _GRID,
        "font.size": 9,
    }
    wide = name == "drift"
    output = io.StringIO()
    with rc_context(settings):
        width, height = (9, 3.6) if wide else (4.6, 3)
        figure = Figure(figsize=(width, height))
        # Inches for the labels: a layout that measures them takes seconds.
        figure.subplots_adjust(
            left=0.6 / width, right=1 - 0.1 / width, bottom=0.45 / height, top=0.97
        )
        axes = figure.subplots()
        for index, points in enumerate(curves):
            if points:
                axes.loglog(
                    *zip(*points, strict=True),
                    color=_series_colour(index % _COLOURS),
                    linestyle=_DASHES[index // _COLOURS % len(_DASHES)],
                    linewidth=1.4,
                    marker="o" if len(points) == 1 else None,
                )
        for axis in (axes.xaxis, axes.yaxis):
            low, high = axis.get_view_interval()
            axis.set_major_formatter(FuncFormatter(_tick))
            axis.set_minor_formatter(FuncFormatter(_tick))
            if high >= 10 * low:  # A decade has a tick of its own.
                axis.set_minor_locator(NullLocator())
        axes.set_xlabel("flow time")
        axes.grid(linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(output, format="svg", transparent=True)
    return _for_the_page(output.getvalue(), name)


def _series_colour(index: int) -> str:
    return f"#0c0c0{index}"


def _tick(value: float, position: int | None = None) -> str:
    exponent = math.log10(value) if value > 0 else 0.5
    if abs(exponent - round(exponent)) < 1e-9:
        return f"10{str(round(exponent)).translate(_SUPERSCRIPTS)}"
    return f"{value:.4g}"


def _for_the_page(svg: str, name: str) -> str:
    """Matplotlib's SVG, to stand in HTML: the page's colours, ids of its own."""
    svg = svg[svg.index("<svg ") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace(_INK, "currentColor").replace(_GRID, "var(--line)")
    for index in range(_COLOURS):
        svg = svg.replace(_series_colour(index), f"var(--c{index})")
    attributes = f'class="curve" role="img" aria-label="{name} against flow time"'
    return svg.replace("<svg ", f"<svg {attributes} ", 1)
