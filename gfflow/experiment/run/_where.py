"""Where in a config an error comes from."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..._errors import ConfigError, GFFlowError
from ..config import Section

Where = Callable[[str], str]


@contextmanager
def at(
    where: Where, key: str, section: Section | None = None, otherwise: str | None = None
) -> Iterator[None]:
    """Errors inside are about this key of the config.

    **Arguments:**

    - `where`: key -> the beginning of a message about it, such as `file:line: key`.
    - `section`: what is at the key, if it is a section: an error that names its
        argument is about the key of that argument,
    - `otherwise`: and any other one about this key of the section.

    **Raises:** `ConfigError` for any other of gfflow's errors.
    """
    try:
        yield
    except ConfigError:
        raise
    except GFFlowError as error:
        named = None if section is None else section.key_of(error.argument)
        inner = named or otherwise
        place = where(key if inner is None else f"{key}.{inner}")
        raise ConfigError([f"{place}: {error}"]) from error
