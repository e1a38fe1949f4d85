"""The grammar of the paths of parameters. No JAX.

    path := step step ...
    step := .name | [whole number] | ['any text'] | [(whole number or text, ...)]

as one would write it in Python behind the model, without the first point:
`layers[0].weight`, `args[0]['params']['Dense_0']['kernel']`. A name and a text are one
step, so `args[0].params.Dense_0.kernel` is the same path.
"""

import ast
import keyword
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

Step = str | int | tuple
Path = tuple[Step, ...]


@lru_cache(maxsize=8192)
def parse_path(text: str) -> Path | None:
    """The steps of a path; `()` of the empty text, `None` of what is no path."""
    if not text.strip():
        return ()
    try:
        return path_of(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def path_of(node: ast.expr) -> Path | None:
    """The path that a piece of Python spells; `None` if it spells something else."""
    match node:
        case ast.Name(id=name):
            return (name,)
        case ast.List(elts=[ast.expr() as step]):
            found = _step(step)
            return None if found is None else (found,)
        case ast.Attribute(value=value, attr=name):
            before = path_of(value)
            return None if before is None else (*before, name)
        case ast.Subscript(value=value, slice=step):
            before, found = path_of(value), _step(step)
            return None if before is None or found is None else (*before, found)
    return None


def spelled(step: Any, attribute: bool = False) -> str:
    """The text of a step: `.name` for an attribute, where Python can spell it so.

    A key that is no whole number, text or tuple of them goes by its `repr`.
    """
    if attribute and step.isidentifier() and not keyword.iskeyword(step):
        return f".{step}"
    step = str(step) if isinstance(step, str) else step
    text = f"[{step!r}]"
    return text if parse_path(text) == (step,) else f"[{repr(step)!r}]"


def joined(*parts: str) -> str:
    """One path out of paths, each below the one before it."""
    made = ""
    for part in filter(None, parts):
        made += part if part.startswith("[") or not made else f".{part}"
    return made


def below(path: str, prefix: str) -> bool:
    """Whether the prefix is this path, or that of what holds it; the empty one is."""
    whole, part = parse_path(path), parse_path(prefix)
    if whole is None or part is None:
        return path == prefix
    return whole[: len(part)] == part


def nearest(path: str, prefixes: Iterable[str]) -> str | None:
    """The longest of the prefixes that this path is below, if any."""
    fitting = [prefix for prefix in prefixes if below(path, prefix)]
    return max(fitting, key=lambda p: len(parse_path(p) or ()), default=None)


def _step(node: ast.expr) -> Step | None:
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | str() as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as value)):
            return -value
        case ast.Tuple(elts=parts):
            steps = tuple(_step(part) for part in parts)
            return None if any(step is None for step in steps) else steps
    return None
