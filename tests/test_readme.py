"""The README's Python runs as written; its commands and tables name what there is."""

import re
from pathlib import Path

from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

from gfflow._registry import kinds

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_python_blocks(capsys):
    document = Sybil([PythonCodeBlockParser()]).parse(ROOT / "README.md")
    examples = list(document.examples())
    assert len(examples) >= 4
    for example in examples:
        example.evaluate()
    assert "conserved (8 of 8)" in capsys.readouterr().out


def test_the_guide_to_verdicts():
    document = Sybil([PythonCodeBlockParser()]).parse(ROOT / "gfflow/verdict/README.md")
    examples = list(document.examples())
    assert len(examples) == 6
    for example in examples:
        example.evaluate()


def test_the_test_command_is_what_ci_runs():
    (pattern,) = re.findall(r"grep -m 1 '(.*)' README", (ROOT / ".ci/run").read_text())
    commands = [line for line in TEXT.splitlines() if pattern in line]
    assert len(commands) == 1 and commands[0].startswith("python3 -m venv .venv")


def test_tables_are_complete():
    for config in (ROOT / "configs").glob("*.toml"):
        assert f"`{config.name}`" in TEXT
    row = next(line for line in TEXT.splitlines() if "gfflow list KIND" in line)
    assert all(kind in row for kind in kinds())
    for image in re.findall(r"\]\(([^)]*\.svg)\)", TEXT):
        assert (ROOT / image).is_file()


def test_public_names_are_the_lazy_ones():
    import gfflow

    source = (ROOT / "gfflow" / "__init__.py").read_text()
    typed = set(re.findall(r"^    from \..* import (\w+) as \1$", source, re.M))
    assert typed == set(gfflow.__all__)
    assert all(getattr(gfflow, name) is not None for name in gfflow.__all__)
