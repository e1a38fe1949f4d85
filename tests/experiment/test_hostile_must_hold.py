"""A law that must hold passes only where it is conserved or as predicted."""

import pytest

from ..variants import variants

CONFIG = """
[problem]
loss = "mse"
[problem.model]
kind = "mlp"
widths = [2, 3, 1]
bias = false
[problem.data]
kind = "teacher_student"
inputs = 2
outputs = 1
samples = 16
[flow]
weight_decay = {decay}
[solver]
name = "tsit5"
t1 = 0.3
rtol = 1e-8
[laws]
families = {families}
ladder = false
"""
CUSTOM = """
[[laws.custom]]
name = "mine"
function = "./mine.py:h"
"""
UNIT = "jnp.sum(m.layers[1].weight**2) - jnp.sum(m.layers[0].weight**2)"
CASES = {
    "conserved": (0, f"h = lambda m: {UNIT}"),
    # 1e-9 of one of its two parts: the rate is 1e-9 of its terms.
    "broken in the ninth digit": (
        3,
        f"h = lambda m: {UNIT} + 1e-9 * jnp.sum(m.layers[0].weight**2)",
    ),
    "too small to be told": (3, f"h = lambda m: 1e-320 * ({UNIT})"),
    "of this run only": (
        3,
        f"h = lambda t, m: {UNIT}"
        " + jnp.maximum(t - 2, 0)**2 * jnp.sum(m.layers[0].weight)",
    ),
    "as the decay predicts": (0, None),
    "without its decay": (3, f"h = lambda m: {UNIT}"),
}
FAST = {"broken in the ninth digit"}


@pytest.mark.parametrize("case", variants(CASES, CASES.keys() - FAST))
def test_a_law_that_must_hold(case, command, tmp_path):
    code, law = CASES[case]
    decay = 0.1 if "decay" in case else 0.0
    text = CONFIG.format(decay=decay, families='["known"]' if law is None else "[]")
    if law is not None:
        (tmp_path / "mine.py").write_text(f"import jax.numpy as jnp\n\n{law}\n")
    config = tmp_path / "config.toml"
    config.write_text(text + ("" if law is None else CUSTOM))
    out = str(tmp_path / "run")
    assert command("run", str(config), "--out", out, "--quiet", "--json") == code
