"""What the source of the package looks like from outside, read with `ast`.

    python -m tests.house FOLDER ...

prints the figures of each package folder, such as `gfflow` of any checkout. A room is a
folder or a file directly under it.
"""

import ast
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

# Questions about what others made, by file and attribute.
THIRD_PARTY = {
    ("discrete/_optimisers.py", "func"),
    ("discrete/_optimisers.py", "__name__"),
    ("discovery/subject/_no_data.py", "shape"),
    ("integrate/_last_places.py", "eqxi"),
    ("laws/_law.py", "__name__"),
    ("solvers/auto/_auto.py", "memory_stats"),
    ("solvers/projection/_projected.py", "direction"),
}
_BLOCK = 6


class Source(NamedTuple):
    """A file: its path below the package, its lines and its syntax tree, and all nodes
    of that but for what only type checkers see."""

    path: str
    lines: list[str]
    tree: ast.Module
    nodes: list[ast.AST]

    @property
    def room(self) -> str:
        return self.path.split("/")[0].removesuffix(".py")


class Place(NamedTuple):
    """A line, and what stands there."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


def sources(package: Path) -> list[Source]:
    """Every module of a package."""
    found = []
    for file in sorted(package.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        path = file.relative_to(package).as_posix()
        found.append(Source(path, text.splitlines(), *_parsed(text)))
    return found


@cache
def _parsed(text: str) -> tuple[ast.Module, list[ast.AST]]:
    tree = ast.parse(text)
    nodes: list[ast.AST] = [tree]
    for node in nodes:
        for child in ast.iter_child_nodes(node):
            match child:
                case ast.If(test=ast.Name("TYPE_CHECKING")):
                    continue
            nodes.append(child)
    return tree, nodes


def class_tests(package: Path, room: str) -> list[Place]:
    """Tests, outside of a room, for the concrete classes that are defined in it:
    `isinstance`, `issubclass`, `type(x) is`, class patterns."""
    files = sources(package)
    concrete = {
        node.name
        for source in files
        if source.room == room
        for node in source.tree.body
        if isinstance(node, ast.ClassDef) and "Abstract" not in node.name
    }
    found = []
    for source in files:
        if source.room != room:
            known = _spellings(imports(source, package), room, concrete)
            for node in source.nodes:
                spelled = {ast.unparse(part) for part in _kinds(node)} & known
                line = getattr(node, "lineno", 0)
                found += [Place(source.path, line, text) for text in spelled]
    return sorted(found)


def _spellings(found: list["Import"], room: str, concrete: set[str]) -> set[str]:
    """What a module calls the concrete classes of a room."""
    classes = {
        one.alias for one in found if one.module[:1] == (room,) and one.name in concrete
    }
    rooms = {one.alias for one in found if (*one.module, one.name) == (room,)}
    return classes | {f"{alias}.{name}" for alias in rooms for name in concrete}


def _kinds(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions in what a node tests the class of something for."""
    match node:
        case ast.Call(func=ast.Name("isinstance" | "issubclass"), args=[_, kinds]):
            yield from ast.walk(kinds)
        case ast.Compare(left=ast.Call(func=ast.Name("type")), comparators=kinds):
            for kind in kinds:
                yield from ast.walk(kind)
        case ast.MatchClass(cls=kind):
            yield from ast.walk(kind)


def unspoken_protocols(package: Path) -> list[Place]:
    """`hasattr`, and `getattr` with a default, but for the `THIRD_PARTY` ones."""
    found = []
    for source in sources(package):
        for node in source.nodes:
            match node:
                case (
                    ast.Call(func=ast.Name("hasattr"), args=[_, name])
                    | ast.Call(func=ast.Name("getattr"), args=[_, name, _])
                ):
                    text = ast.unparse(name)
                    if (source.path, text.strip("'\"")) not in THIRD_PARTY:
                        found.append(Place(source.path, node.lineno, text))
    return found


class Import(NamedTuple):
    """A name that a line imports from a module of the package, as parts below it."""

    line: int
    module: tuple[str, ...]
    name: str
    alias: str


def imports(source: Source, package: Path) -> list[Import]:
    """The imports of a module from its own package, but for those of type checkers."""
    here = source.path.removesuffix(".py").removesuffix("/__init__").split("/")
    is_package = source.path.endswith("__init__.py")
    found = []
    for node in source.nodes:
        match node:
            case ast.ImportFrom(module=module, names=names, level=0):
                parts = (module or "").split(".")
                if parts[0] != package.name:
                    continue
                module_parts = tuple(parts[1:])
            case ast.ImportFrom(module=module, names=names, level=level):
                up = level - is_package
                base = here[: len(here) - up] if source.path != "__init__.py" else []
                module_parts = (*base, *((module or "").split(".") if module else ()))
            case ast.Import(names=names):
                for alias in names:
                    parts = alias.name.split(".")
                    if parts[0] == package.name:
                        module, name = tuple(parts[1:-1]), parts[-1]
                        spelled = alias.asname or alias.name
                        found.append(Import(node.lineno, module, name, spelled))
                continue
            case _:
                continue
        for alias in names:
            spelled = alias.asname or alias.name
            found.append(Import(node.lineno, module_parts, alias.name, spelled))
    return found


def private_imports(package: Path) -> list[Place]:
    """Imports of a private module, or name, of another room."""
    found = []
    for source in sources(package):
        for one in imports(source, package):
            room, *inside = (*one.module, one.name)
            if room != source.room and any(part.startswith("_") for part in inside):
                if one.module:
                    found.append(Place(source.path, one.line, ".".join(one.module)))
    return found


def top_level(package: Path) -> list[str]:
    """The modules directly under the package."""
    return sorted(p.stem for p in package.glob("*.py") if p.stem != "__init__")


def longest(package: Path) -> tuple[int, str]:
    """The length of the longest file, in lines, and its path."""
    return max((len(source.lines), source.path) for source in sources(package))


def repeated_classes(package: Path) -> dict[str, list[str]]:
    """The names of classes that are defined more than once, and where."""
    homes = defaultdict(list)
    for source in sources(package):
        for node in source.tree.body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(source.path)
    return {name: paths for name, paths in homes.items() if len(paths) > 1}


def arrows(package: Path) -> dict[str, set[str]]:
    """Room → the rooms that it imports."""
    rooms = {path.stem for path in package.iterdir()} - {"__init__", "__main__"}
    found = {}
    for source in sources(package):
        if source.room in rooms:
            found.setdefault(source.room, set())
            for one in imports(source, package):
                room = one.module[0] if one.module else one.name
                if room in rooms - {source.room}:
                    found[source.room].add(room)
    return found


def floors(package: Path) -> tuple[dict[str, int], list[list[str]]]:
    """The floor of each room, one above the highest that it imports, from 1; and the
    circles of rooms, each of which is on one floor."""
    found = arrows(package)
    reach = {room: _reach(found, room) for room in found}
    circle = {
        room: frozenset({other for other in reach[room] if room in reach[other]})
        | {room}
        for room in found
    }
    heights: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in heights:
            below = {
                other
                for member in circle[room]
                for other in found[member]
                if other not in circle[room]
            }
            heights[room] = 1 + max(map(height, below), default=0)
        return heights[room]

    for room in found:
        height(room)
    circles = {members for members in circle.values() if len(members) > 1}
    return heights, sorted(sorted(members) for members in circles)


def _reach(edges: dict[str, set[str]], start: str) -> set[str]:
    seen, todo = set(), [start]
    while todo:
        for other in edges.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def duplicate_blocks(package: Path) -> list[tuple[str, str]]:
    """Pairs of places where the same six lines of code or more stand one after the
    other; imports, blank lines, comments and docstrings are not counted."""
    places = defaultdict(list)
    files = {source.path: _code(source) for source in sources(package)}
    for path, lines in files.items():
        for index in range(len(lines) - _BLOCK + 1):
            block = tuple(text for _, text in lines[index : index + _BLOCK])
            places[block].append((path, index))
    pairs = {
        (one, other)
        for found in places.values()
        for i, one in enumerate(found)
        for other in found[i + 1 :]
    }
    before = lambda place: (place[0], place[1] - 1)
    starts = sorted(
        (one, other)
        for one, other in pairs
        if (before(one), before(other)) not in pairs
    )
    spelled = lambda place: f"{place[0]}:{files[place[0]][place[1]][0]}"
    return [(spelled(one), spelled(other)) for one, other in starts]


def _code(source: Source) -> list[tuple[int, str]]:
    skipped: set[int] = set()
    for node in ast.walk(source.tree):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or isinstance(node, ast.Import | ast.ImportFrom):
            skipped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbered = enumerate((line.strip() for line in source.lines), start=1)
    return [
        (number, line)
        for number, line in numbered
        if number not in skipped and any(map(str.isalnum, line)) and line[0] != "#"
    ]


def main(folders: list[str]) -> None:
    """Print the figures of each package folder."""
    for folder in folders:
        package = Path(folder)
        length, path = longest(package)
        height, circles = floors(package)
        print(f"{package}")
        print(f"  modules at the top level: {len(top_level(package))}")
        print(f"  rooms: {len(height)}, floors: {max(height.values())}")
        print(f"  arrows between rooms: {sum(map(len, arrows(package).values()))}")
        for members in circles:
            print(f"  circle: {' '.join(members)}")
        print(f"  longest file: {length} lines, {path}")
        for what, found in {
            "tests for concrete flows outside flows/": class_tests(package, "flows"),
            "tests for concrete solvers outside solvers/": class_tests(
                package, "solvers"
            ),
            "hasattr, getattr with a default": unspoken_protocols(package),
            "imports of another room's private modules": private_imports(package),
            "duplicate blocks": [" ".join(x) for x in duplicate_blocks(package)],
            "class names defined twice": [
                f"{name}: {' '.join(homes)}"
                for name, homes in repeated_classes(package).items()
            ],
        }.items():
            print(f"  {what}: {len(found)}")
            for one in found:
                print(f"    {one}")
        for floor in range(max(height.values()), 0, -1):
            print(f"  {floor:>3}  {' '.join(r for r in height if height[r] == floor)}")


if __name__ == "__main__":
    main(sys.argv[1:])
