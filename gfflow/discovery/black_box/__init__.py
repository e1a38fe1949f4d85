"""The laws of any model, by differentiation at random points."""

from ._black_box import black_box as black_box
