"""Solvers that resolve the kinks of a flow."""

from ._resolved import KinkResolved as KinkResolved
