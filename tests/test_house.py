"""Who may ask what of whom, and how large a room gets: read off the source."""

from pathlib import Path

import gfflow

from .house import (
    Place,
    arrows,
    class_tests,
    floors,
    longest,
    private_imports,
    repeated_classes,
    top_level,
    unspoken_protocols,
)

PACKAGE = Path(gfflow.__file__).parent


def test_nobody_asks_a_flow_or_a_solver_for_its_class():
    assert class_tests(PACKAGE, "flows") == []
    assert class_tests(PACKAGE, "solvers") == []


def test_no_unspoken_protocols():
    assert unspoken_protocols(PACKAGE) == []


def test_there_is_one_way_into_a_room():
    assert private_imports(PACKAGE) == []


def test_files_and_names():
    assert longest(PACKAGE)[0] <= 400
    assert repeated_classes(PACKAGE) == {}
    assert len(top_level(PACKAGE)) <= 10


def test_rooms_stand_on_each_other():
    heights, circles = floors(PACKAGE)
    assert circles == [] and max(heights.values()) <= 11
    found = arrows(PACKAGE)
    assert not any("experiment" in below for below in found.values())


def test_the_reader_sees_what_it_is_to_see(tmp_path):
    package = tmp_path / "pack"
    for path, text in {
        "flows/__init__.py": "from ._one import One\nfrom ._two import AbstractTwo\n",
        "flows/_one.py": "class One: pass\n",
        "flows/_two.py": "class AbstractTwo: pass\n",
        "laws.py": (
            "from . import flows\n"
            "from .flows import AbstractTwo, One as First\n"
            "from .flows._one import One\n"
            "def f(x, y=1):\n"
            "    match x:\n"
            "        case First(): pass\n"
            "    if isinstance(x, (int, flows.One)) or type(x) is One: pass\n"
            "    return isinstance(x, AbstractTwo) or hasattr(x, 'y')\n"
        ),
        "upper/__init__.py": "def f():\n    from ..laws import f\n",
        "upper/other/_deep.py": "from ...upper import f\nclass One: pass\n",
    }.items():
        file = package / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert class_tests(package, "flows") == [
        Place("laws.py", 6, "First"),
        Place("laws.py", 7, "One"),
        Place("laws.py", 7, "flows.One"),
    ]
    assert unspoken_protocols(package) == [Place("laws.py", 8, "'y'")]
    assert private_imports(package) == [Place("laws.py", 3, "flows._one")]
    assert repeated_classes(package) == {
        "One": ["flows/_one.py", "upper/other/_deep.py"]
    }
    assert arrows(package) == {"flows": set(), "laws": {"flows"}, "upper": {"laws"}}
    assert floors(package) == ({"flows": 1, "laws": 2, "upper": 3}, [])
    (package / "flows/_one.py").write_text("from ..laws import f\nclass One: pass\n")
    assert floors(package)[1] == [["flows", "laws"]]
    assert top_level(package) == ["laws"]
    assert longest(package) == (8, "laws.py")
