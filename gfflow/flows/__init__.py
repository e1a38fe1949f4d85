"""Flows: what turns a problem into an ordinary differential equation."""

from ._base import AbstractFlow as AbstractFlow
from ._gradient import GradientFlow as GradientFlow
