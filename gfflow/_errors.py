"""The one exception family of gfflow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class GFFlowError(Exception):
    """Base of every error that gfflow raises for a user's mistake.

    Each message names what was given, what was wanted, and what to do.

    **Attributes:**

    - `argument`: the argument that it is about, where there is one: a config has the
        line of its key.
    """

    argument: str | None

    def __init__(self, message: str = "", *, argument: str | None = None):
        super().__init__(message)
        self.argument = argument


@contextmanager
def about(argument: str) -> Iterator[None]:
    """Errors inside are about this argument, where they do not say of which."""
    try:
        yield
    except GFFlowError as error:
        error.argument = error.argument or argument
        raise


class ProblemError(GFFlowError):
    """A model, loss or data set that do not fit together."""


class SolveError(GFFlowError):
    """An integration that cannot be started as asked."""


class LawError(GFFlowError):
    """A law that cannot be evaluated on the given model and flow."""


class CheckError(GFFlowError):
    """A check that cannot be made with what the solution holds."""


class DiscoveryError(GFFlowError):
    """A discovery that cannot be made as asked."""


class TargetError(GFFlowError):
    """A `module:name` or `./file.py:name` target that cannot be used."""


class RunFolderError(GFFlowError):
    """A run folder that is missing, incomplete or not the one asked for."""


class ConfigError(GFFlowError):
    """All that is wrong with a config, one line a problem.

    **Arguments:**

    - `problems`: the messages, each `file:line: key: what is wrong; got ...`.
    """

    problems: tuple[str, ...]

    def __init__(self, problems: Sequence[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
