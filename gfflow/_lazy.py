"""Packages whose names are imported when they are first used.

Such a package lists its names once, as imports under `if TYPE_CHECKING:`, where type
checkers read them. The list is read from its source, so that the command line can print
its help, and read a config, without JAX.
"""

import ast
import importlib
from collections.abc import Callable
from pathlib import Path


def lazy_names(
    package: str, file: str
) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package, from its list.

    **Arguments:**

    - `package`, `file`: its `__name__` and `__file__`.
    """
    homes: dict[str, str | None] = {}
    for block in ast.parse(Path(file).read_text(encoding="utf-8")).body:
        match block:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=lines):
                for line in lines:
                    assert isinstance(line, ast.ImportFrom) and line.level == 1
                    homes |= {alias.name: line.module for alias in line.names}

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        if home is None:
            return importlib.import_module(f".{name}", package)
        module = importlib.import_module(f".{home}", package)
        value = getattr(module, name)
        vars(importlib.import_module(package))[name] = value
        return value

    return get, lambda: sorted(homes), sorted(homes)
