"""Why the kinks of a program cannot be read."""


class Unreadable(Exception):
    """It has kinks, or jumps, that are not understood; the message says which."""
