"""A config file: read, overridden, validated, with every problem in one error."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..._errors import ConfigError, LawError
from ..._registry import names, suggest
from ..._tolerance import least_tolerance, shown_least_tolerance
from ...laws import parse
from ._compare_rules import compare_problems
from ._named_files import missing_files, with_absolute_files
from ._parts import Choice
from ._schema import Located, is_section, locate
from ._section_types import one_of
from ._sections import Config
from ._toml_lines import Places, dotted, line_numbers, read_toml, set_key

_Keys = tuple[str | int, ...]
_Problem = tuple[_Keys, str]

_LIMITS = {
    "float_type": "be a number",
    "int_type": "be a whole number",
    "bool_type": "be true or false",
    "string_type": "be a string",
    "list_type": "be an array",
    "dict_type": "be a table",
    "model_type": "be a table",
    "finite_number": "be a finite number",
    "greater_than": "be greater than {gt:g}",
    "greater_than_equal": "be at least {ge:g}",
    "less_than": "be less than {lt:g}",
    "less_than_equal": "be at most {le}",
    "too_short": "have {min_length} or more entries",
    "string_too_short": "not be empty",
}


@dataclass(frozen=True)
class LoadedConfig:
    """A valid config, with what is needed to say where in the file a key stands.

    **Fields:**

    - `config`: the validated sections, every file in them as an absolute path.
    - `path`: the config file, as given.
    - `text`: the file as read.
    - `overrides`: the `key=value` strings that were laid over the file.
    """

    config: Config
    path: Path
    text: str
    overrides: tuple[str, ...]

    def where(self, key: str) -> str:
        """The beginning of an error message about one key.

        **Arguments:**

        - `key`: a dotted key such as `problem.model.target`.

        **Returns:** `file:line: key`, or `--set key=value: key` if it was overridden.
        """
        lines = line_numbers(self.text)
        return Places(str(self.path), lines, self.overrides).where(key)

    def resolved(self) -> dict[str, Any]:
        """All keys with their values, defaults included, ready for JSON."""
        return self.config.model_dump(mode="python")


def load_config(path: Path, overrides: Sequence[str] = ()) -> LoadedConfig:
    """Read and validate a config file.

    **Arguments:**

    - `path`: a TOML file.
    - `overrides`: `key=value` strings that are laid over the file, the last one
        winning. The key is dotted, with an index for an entry of an array; the value
        is read as TOML, or as a bare string if it is not TOML.

    **Returns:** the validated config.

    **Raises:** `ConfigError` with everything that is wrong, one line each.
    """
    text, data, lines = read_toml(path)
    places = Places(str(path), lines, tuple(overrides))
    messages = []
    for override in overrides:
        try:
            set_key(data, override)
        except ValueError as error:
            messages.append(f"--set {override}: {error}")
    folder = Path(path).parent
    config, problems = _validate(data)
    problems += missing_files(data, folder)
    problems.sort(key=lambda problem: places.order(dotted(problem[0])))
    messages += [f"{places.where(dotted(keys))}: {text}" for keys, text in problems]
    if messages or config is None:
        raise ConfigError(messages)
    return LoadedConfig(
        config=Config.model_validate(with_absolute_files(data, folder)),
        path=Path(path),
        text=text,
        overrides=tuple(overrides),
    )


def config_from_resolved(data: dict[str, Any]) -> Config:
    """The config that `LoadedConfig.resolved` was made from.

    Files that the config names are not looked for: a finished run can be read where
    its data are not.

    **Arguments:**

    - `data`: what `resolved` returned, also after a round trip through JSON.

    **Returns:** the validated config.

    **Raises:** `ConfigError` with everything that is wrong, one line each.
    """
    # A run that was begun before this key was there has recorded no rates.
    run = {"law_rates": False, **data.get("run", {})}
    config, problems = _validate({**data, "run": run})
    if problems or config is None:
        raise ConfigError([f"{dotted(keys)}: {text}" for keys, text in problems])
    return config


def _validate(data: dict[str, Any]) -> tuple[Config | None, list[_Problem]]:
    config, problems = None, []
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        problems = [_explain(each, data) for each in errors]
    view = _View(data, {dotted(keys) for keys, _ in problems})
    for check in (_times, _tolerance, _laws, compare_problems):
        problems += check(view)
    return config, problems


def _explain(error: ErrorDetails, data: dict[str, Any]) -> _Problem:
    context: dict[str, Any] = error.get("ctx", {})
    inside = context.get("inside", ())
    located = locate(error["loc"], data)
    keys, value, kind = (*located.keys, *inside), error["input"], error["type"]
    about = located.field.description if located.field else None
    about = f" ({about})" if about else ""

    if kind == "missing":
        if located.choice or is_section(located.annotation):
            return keys, f"this section is required: [{dotted(keys)}]"
        return keys, f"this key is required{about}"
    if kind == "extra_forbidden":
        return keys, _unknown_key(located)
    if kind == "kind_missing":
        return (*keys, "kind"), context["text"]
    if kind == "literal_error":
        text = one_of(value, [str(word) for word in get_args(located.annotation)])
    elif kind in _LIMITS:
        text = f"must {_LIMITS[kind].format(**context)}{_hint(kind, value)}{about}"
    else:
        text = context.get("text", error["msg"])
    for part in inside:
        value = value[part]
    return keys, f"{text}; got {_shown(value)}"


def _unknown_key(located: Located) -> str:
    if located.section is None:
        return "unknown key"
    known = list(located.section.model_fields)
    key = str(located.keys[-1])
    near = suggest(key, known)
    elsewhere = [path for path in _all_keys(Config) if path.endswith(f".{key}")]
    if not near and elsewhere:
        near = f" (did you mean {elsewhere[0]!r}?)"
    return f"unknown key{near}; known keys: {', '.join(known)}"


def _all_keys(section: Any, above: str = "") -> Iterator[str]:
    for key, field in section.model_fields.items():
        yield f"{above}{key}"
        chosen = any(isinstance(mark, Choice) for mark in field.metadata)
        if not chosen and is_section(field.annotation):
            yield from _all_keys(field.annotation, f"{above}{key}.")


def _hint(kind: str, value: Any) -> str:
    if kind == "int_type" and isinstance(value, float):
        return ", without a point"
    is_number = kind in ("int_type", "float_type") and isinstance(value, str)
    if is_number and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", value):
        return ", without quotes"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a table"
    text = repr(value) if isinstance(value, str | int | float | list) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


@dataclass(frozen=True)
class _View:
    """The values of a config that are valid each on its own."""

    data: dict[str, Any]
    invalid: set[str]

    def __call__(self, *keys: str | int) -> Any:
        """The value given, else the default; `None` if there is no valid one."""
        key = dotted(keys)
        for bad in self.invalid:
            if f"{key}.".startswith(f"{bad}.") or bad.startswith(f"{key}."):
                return None
        if not self.given(*keys):
            field = locate(keys, self.data).field
            return None if field is None or field.is_required() else field.default
        at: Any = self.data
        for part in keys:
            at = at[part]
        return at

    def given(self, *keys: str | int) -> bool:
        at: Any = self.data
        for part in keys:
            if isinstance(at, list) and isinstance(part, int) and part < len(at):
                at = at[part]
            elif isinstance(at, dict) and at.get(str(part)) is not None:
                at = at[str(part)]
            else:
                return False
        return True


def _times(view: _View) -> Iterator[_Problem]:
    t0, t1 = view("solver", "t0"), view("solver", "t1")
    if t0 is not None and t1 is not None and t1 <= t0:
        yield ("solver", "t1"), f"must be greater than solver.t0 = {t0}; got {t1}"
        t0 = t1 = None
    times, first = view("save", "times"), view("save", "first")
    if isinstance(times, list):
        for index, (earlier, later) in enumerate(pairwise(times)):
            if later <= earlier:
                text = f"times must increase: {earlier} is followed by {later}"
                yield ("save", "times", index + 1), text
                break
    if t0 is None or t1 is None:
        return
    if isinstance(times, list):
        for index, time in enumerate(times):
            if not t0 < time <= t1:
                text = f"must be after solver.t0 = {t0} and not after solver.t1 = {t1}"
                yield ("save", "times", index), f"{text}; got {time}"
    elif first is not None and first >= t1 - t0:
        text = f"must be less than solver.t1 - solver.t0 = {t1 - t0}; got {first}"
        yield ("save", "first"), text


def _tolerance(view: _View) -> Iterator[_Problem]:
    precision, rtol = view("run", "precision"), view("solver", "rtol")
    if precision is None or rtol is None or rtol >= least_tolerance(precision):
        return
    least = shown_least_tolerance(precision)
    remedy = f"raise it to {least} or more"
    if precision == "float32" and rtol >= least_tolerance("float64"):
        remedy += ', or set run.precision = "float64"'
    text = f"is below what {precision} can reach, {least}: {remedy}; got {rtol}"
    yield ("solver", "rtol"), text


def _laws(view: _View) -> Iterator[_Problem]:
    families = view("laws", "families") or []
    for family, count in Counter(families).items():
        if count > 1:
            yield ("laws", "families"), f"{family!r} is there {count} times"
    for alias in view("laws", "names") or {}:
        if not alias.isidentifier():
            text = "an alias must be a name of letters, digits and underscores"
            yield ("laws", "names", alias), f"{text}; got {alias!r}"
    reported = set(names("laws") if "known" in families else families)
    seen: dict[str, int] = {}
    index = 0
    while view.given("laws", "custom", index):
        at = ("laws", "custom", index)
        name, expression = view(*at, "name"), view(*at, "expression")
        if name in seen:
            text = f"a law of this name is there already, laws.custom.{seen[name]}"
            yield (*at, "name"), f"{text}; got {name!r}"
        elif name in reported:
            text = "this is the name of a family in laws.families"
            yield (*at, "name"), f"{text}; got {name!r}"
        elif name is not None:
            seen[name] = index
        sources = [key for key in ("expression", "function") if view.given(*at, key)]
        if len(sources) != 1:
            got = "both" if sources else "neither"
            yield at, f"needs either an expression or a function; got {got}"
        wrong = expression and _syntax_problem(expression)
        if wrong:
            yield (*at, "expression"), wrong
        index += 1


def _syntax_problem(expression: str) -> str | None:
    try:
        parse(expression)
    except LawError as error:
        return str(error)
    return None
