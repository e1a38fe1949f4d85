"""Line numbers of TOML keys, against texts written to mislead a scanner."""

import tomllib
from datetime import date
from pathlib import Path
from random import Random

import pytest

from gfflow._errors import ConfigError
from gfflow.experiment.config._toml_lines import (
    Places,
    dotted,
    line_numbers,
    read_toml,
    set_key,
    split_assignment,
)


def paths_of(value, above=()):
    """All paths in a parsed document, found without its text."""
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, list):
        entries = enumerate(value)
    else:
        return set()
    found = set()
    for key, entry in entries:
        found |= {dotted((*above, key))} | paths_of(entry, (*above, key))
    return found


NASTY = {
    "comments": (
        '# a = 1\na = 1 # b = 2\n  # [c]\n\n[d] # e = "\nf = "# no comment" # g\n',
        {"a": 2, "d": 5, "d.f": 6},
    ),
    "keys inside multi-line strings": (
        'a = """\nb = 1\n[c]\n\\"""d = 2\n"""\ne = \'\'\'\nf = 1 \\\'\'\'\ng = 3\n',
        {"a": 1, "e": 6, "g": 8},
    ),
    "quotes next to the closing quotes": (
        'a = """one ""two"" three"""""\n'
        "b = '''it''s'''''\nc = \"\"\"\"\"\"\nd = ''''''\ne = ''\nf = \"\"\ng = 1\n",
        {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6, "g": 7},
    ),
    "escapes": (
        'a = "\\\\" # "\nb = "\\"\\n]#"\nc = \'\\\'\nd = 1\n',
        {"a": 1, "b": 2, "c": 3, "d": 4},
    ),
    "multi-line arrays": (
        'a = [ # [x]\n  1, "]", # 2,\n\n  [3,\n   4], {b = 5},\n]\nc = []\n',
        {
            "a": 1,
            "a.0": 2,
            "a.1": 2,
            "a.2": 4,
            "a.2.0": 4,
            "a.2.1": 5,
            "a.3": 5,
            "a.3.b": 5,
            "c": 7,
        },
    ),
    "inline tables": (
        'a = {b = {c = [\n1,\n2]}, "d" = "}", e.f = 3}\ng = {}\n',
        {
            "a": 1,
            "a.b": 1,
            "a.b.c": 1,
            "a.b.c.0": 2,
            "a.b.c.1": 3,
            "a.d": 3,
            "a.e": 3,
            "a.e.f": 3,
            "g": 4,
        },
    ),
    "quoted and dotted keys": (
        'a . "b.c" . \'d e\' = 1\na."" = 2\n"\\u0061a" = 3\n["x.y".z]\n1234 = 4\n',
        {
            "a": 1,
            'a."b.c"': 1,
            'a."b.c"."d e"': 1,
            'a.""': 2,
            "aa": 3,
            '"x.y"': 4,
            '"x.y".z': 4,
            '"x.y".z.1234': 5,
        },
    ),
    "a header after its own sub-table": (
        "[a.b]\nc = 1\n[a]\nd = 2\n",
        {"a": 3, "a.b": 1, "a.b.c": 2, "a.d": 4},
    ),
    "arrays of tables": (
        "[[a.b]]\nc = 1\n[a.b.d]\ne = 2\n[[a.b.f]]\ng = 3\n[[ a . b ]]\n[[a.b.f]]\n"
        "[[a.b.f]]\ng = 4\n",
        {
            "a": 1,
            "a.b": 1,
            "a.b.0": 1,
            "a.b.0.c": 2,
            "a.b.0.d": 3,
            "a.b.0.d.e": 4,
            "a.b.0.f": 5,
            "a.b.0.f.0": 5,
            "a.b.0.f.0.g": 6,
            "a.b.1": 7,
            "a.b.1.f": 8,
            "a.b.1.f.0": 8,
            "a.b.1.f.1": 9,
            "a.b.1.f.1.g": 10,
        },
    ),
    "numbers and dates with spaces": (
        "a = 1979-05-27 07:32:00 # now\nb = -1_0.0e+1\nc = [1979-05-27, 07:32:00]",
        {"a": 1, "b": 2, "c": 3, "c.0": 3, "c.1": 3},
    ),
    "carriage returns": ("a = 1\r\n\r\n[b]\r\nc = [\r\n2]\r\n", None),
    "nothing": ("", {}),
    "only a comment": ("# a = 1", {}),
}


@pytest.mark.parametrize("text, expected", NASTY.values(), ids=NASTY)
def test_nasty_texts(text, expected):
    found = line_numbers(text)
    assert set(found) == paths_of(tomllib.loads(text))
    if expected is not None:
        assert found == expected


FRAGMENTS = (
    ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "#", "\n", " ", "\t", "\\", "'"]
    + ['"', "'''", '"""', "a", "b", "1", "a = ", "b.a = ", '"a.b" = ', "[1, ", "[a]"]
    + ["\n[a]\n", "\n[[b]]\n", "\n[b.c]\n", "\n[[b.d]]\n", "\nc = 1\n", '"x"']
    + ["\nd = {a = 1, 'b' = [2,\n3]}\n", "\n# c = '\n", '\ne = """\n#"']
)


def test_random_texts_have_the_paths_that_tomllib_finds():
    random = Random(0)
    accepted = 0
    for _ in range(20_000):
        text = "".join(random.choices(FRAGMENTS, k=random.randint(1, 8)))
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError:
            continue
        accepted += 1
        assert set(line_numbers(text)) == paths_of(data), text
    assert accepted > 1000


def test_carriage_returns_count_once():
    found = line_numbers(NASTY["carriage returns"][0])
    assert found == {"a": 1, "b": 3, "b.c": 4, "b.c.0": 5}


def test_every_line_of_a_large_text():
    sections = range(300)
    text = "\n".join(f"[s{k}]\na = '''\n{k}'''\nb = [{k},\n{k}]" for k in sections)
    found = line_numbers(text)
    for k in sections:
        assert [found[f"s{k}"], found[f"s{k}.a"], found[f"s{k}.b.1"]] == [
            5 * k + 1,
            5 * k + 2,
            5 * k + 5,
        ]


def test_text_that_is_not_toml():
    with pytest.raises(tomllib.TOMLDecodeError):
        line_numbers("a = 1\na = 2\n")


@pytest.mark.parametrize(
    "text, keys, raw",
    [
        ("a=1", ["a"], "1"),
        (" a.b . 'c=d' = x = y ", ["a", "b", "c=d"], "x = y"),
        ('"a.b".0.c=', ["a.b", "0", "c"], ""),
    ],
)
def test_split_assignment(text, keys, raw):
    assert split_assignment(text) == (keys, raw)


@pytest.mark.parametrize("text", ["", "a", "=1", "a b=1", "a.=1", "a[0]=1"])
def test_assignment_without_key_or_equals_sign(text):
    with pytest.raises(ValueError):
        split_assignment(text)
    with pytest.raises(ValueError, match="key=value"):
        set_key({}, text)


@pytest.mark.parametrize(
    "raw, value",
    [
        ("1", 1),
        ("1e-6", 1e-6),
        ("true", True),
        ("True", "True"),
        ("tanh", "tanh"),
        ('"tanh"', "tanh"),
        ("[1, 2]", [1, 2]),
        ("[1, 2", "[1, 2"),
        ("{a = 1}", {"a": 1}),
        ("2020-01-01", date(2020, 1, 1)),
        ("./file.py:make", "./file.py:make"),
        ("", ""),
        ("1\nother = 2", "1\nother = 2"),
    ],
)
def test_set_key_reads_toml_or_a_bare_string(raw, value):
    data = {"a": {"b": 0}}
    set_key(data, f"a.b={raw}")
    assert data == {"a": {"b": value}}


def test_set_key_makes_tables_and_counts_entries():
    data = {"list": [{"x": 1}, {"x": 2}], "numbers": [1, 2]}
    set_key(data, "new.table.key=3")
    set_key(data, "list.1.x=4")
    set_key(data, "numbers.0=5")
    assert data == {
        "list": [{"x": 1}, {"x": 4}],
        "numbers": [5, 2],
        "new": {"table": {"key": 3}},
    }


@pytest.mark.parametrize(
    "assignment, words",
    [
        ("list.2.x=1", "list has no entry 2; it has 2"),
        ("list.x=1", "list has no entry x"),
        ("number.x=1", "number is 1, not a table"),
    ],
)
def test_set_key_where_there_is_no_place(assignment, words):
    data = {"list": [{}, {}], "number": 1}
    with pytest.raises(ValueError, match=words):
        set_key(data, assignment)


@pytest.mark.parametrize(
    "key, place",
    [
        ("a", "f.toml:2: a"),
        ("a.b", "f.toml:3: a.b"),
        ("a.missing", "f.toml:2: a.missing"),
        ("missing.b", "f.toml: missing.b"),
        ("a.c", "--set a.c=3: a.c"),
        ("a.c.0", "--set a.c=3: a.c.0"),
        ("new", "--set new.key=4: new"),
        ("a.cc", "f.toml:2: a.cc"),
    ],
)
def test_places(key, place):
    overrides = ("a.c=2", "no assignment", "a.c=3", "new.key=4")
    places = Places("f.toml", line_numbers("\n[a]\nb = 1\nc = 1\n"), overrides)
    assert places.where(key) == place


@pytest.mark.parametrize(
    "raw, words",
    [
        (b"a = 1\nb = [1,, 2]\n", "f.toml:2: not TOML: "),
        (b"a = 1\na = 2\n", "f.toml:2: not TOML: "),
        (b'a = 1\n\nb = """x\n\n', "f.toml:3: not TOML: "),
        (b"a = " + b"[" * 5000, "f.toml: not TOML: nested too deeply"),
        (b"a = 1\nb = '\xff'\n", "f.toml:2: not UTF-8 text (byte 0xff)"),
        (None, "f.toml: there is no such file"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, monkeypatch, raw, words):
    monkeypatch.chdir(tmp_path)
    if raw is not None:
        (tmp_path / "f.toml").write_bytes(raw)
    with pytest.raises(ConfigError) as caught:
        read_toml(Path("f.toml"))
    assert len(caught.value.problems) == 1
    assert str(caught.value).startswith(words)


def test_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(ConfigError, match="this is a folder"):
        read_toml(tmp_path)


def test_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "f.toml"
    path.write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    assert read_toml(path) == ("a = 1\r\n", {"a": 1}, {"a": 1})
