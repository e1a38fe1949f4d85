"""Stabilised explicit methods: ROCK2."""

from ._rock2 import ROCK2 as ROCK2
