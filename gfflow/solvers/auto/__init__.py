"""The solver that chooses."""

from ._auto import Auto as Auto
