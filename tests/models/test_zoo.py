"""The models of the zoo against the same written by hand, and what they refuse."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow import models
from gfflow._registry import lookup, names

from ..annotations import wrong_arguments
from ..laws import zoo_written as written

KEY = jax.random.key(0)


def moved(net):
    """With every array away from where it starts, some of which is 0 or 1."""
    random = np.random.default_rng(0)
    move = lambda x: x + 0.3 * random.standard_normal(x.shape)
    return jax.tree.map(lambda x: move(x) if eqx.is_inexact_array(x) else x, net)


def made(kind, *arguments, **options):
    """One of the zoo, moved."""
    return moved(kind(*arguments, key=KEY, **options))


def weights(p, **layers):
    """The arrays of layers under the names of a dictionary."""
    return p | {name: layer.weight for name, layer in layers.items()}


def head_of(attention):
    return weights(
        {}, q=attention.query, k=attention.key, v=attention.value, o=attention.output
    )


def block_of(block):
    p = head_of(block.attention)
    p |= {"g": block.attention_norm.weight, "h": block.feed_forward_norm.weight}
    if block.attention_norm.bias is not None:
        p |= {"gs": block.attention_norm.bias, "hs": block.feed_forward_norm.bias}
    inner = block.feed_forward
    gate = {} if inner.gate is None else {"G": inner.gate.weight}
    return weights(p, A=inner.last, B=inner.first) | gate


def convolutional():
    net = made(models.ConvolutionalNet, [1, 2, 2], [4, 4], 2, kernel=2)
    first, second = net.convolutions
    p = weights({}, w=first, v=second, a=net.last) | {"d": net.last.bias}
    return net, p | {"b": first.bias[:, 0, 0], "c": second.bias[:, 0, 0]}


def residual(batch_norm):
    net = made(
        models.ResidualNet, 1, 2, 2, 1, dimensions=1, batch_norm=batch_norm, epsilon=0.0
    )
    (block,) = net.blocks
    p = weights({}, stem=net.stem, v=block.first, u=block.last, head=net.head)
    p |= {"c": block.last.bias[:, 0], "d": net.head.bias, "e": net.stem.bias[:, 0]}
    if batch_norm:
        return net, p | {"g": block.norm.scale, "s": block.norm.shift}
    return net, p | {"b": block.first.bias[:, 0]}


def fourier():
    net = made(models.FourierOperator, 2, 2, activation="relu")
    (layer,) = net.layers
    p = {"lift": net.lift, "r0": layer.real[0], "r1": layer.real[1]}
    p |= {"i1": layer.imaginary[0], "w": layer.local, "b": layer.bias}
    return net, p | {"out": net.project}


def deep_onet():
    net = made(models.DeepONet, [3, 2, 2], [2, 2, 2])
    (u, b), (v, t) = net.branch.layers, net.trunk.layers
    p = weights({}, u=u, B=b, v=v, T=t)
    return net, p | {"ub": u.bias, "b": b.bias, "vb": v.bias, "t": t.bias}


def grouped():
    attention = made(models.Attention, 3, heads=2, groups=1, head_width=2, causal=True)
    return attention, head_of(attention)


def modern():
    block = made(models.TransformerBlock, 2, hidden=2)
    return block, block_of(block)


def older():
    block = made(
        models.TransformerBlock,
        3,
        hidden=2,
        head_width=2,
        norm="layer",
        feed_forward="gelu",
        rotary=False,
    )
    return block, block_of(block)


def language(tied):
    options = {} if tied else {"norm": "layer", "feed_forward": "gelu", "tied": False}
    if not tied:
        options |= {"positions": "learned", "length": 3, "head_width": 2}
    width = 2 if tied else 3
    net = made(models.LanguageModel, 4, width, hidden=2, **options)
    p = block_of(net.blocks[0]) | {"E": net.embedding, "f": net.norm.weight}
    if not tied:
        p |= {"P": net.positions, "U": net.unembedding, "fs": net.norm.bias}
    return net, p


def mixture(gate):
    net = made(models.MixtureOfExperts, 2, 2, 2, gate=gate)
    stack = lambda part: jnp.stack([part(e).weight for e in net.experts])
    p = {"A": stack(lambda e: e.last), "B": stack(lambda e: e.first)}
    return net, p | {"G": stack(lambda e: e.gate), "r": net.router.weight}


def convex():
    net = made(models.InputConvex, [2, 2, 2, 1])
    one, two, three = net.direct
    v, a = net.passing
    p = weights({"v": v, "a": a}, w=one, t=two, s=three)
    return net, p | {"wb": one.bias, "tb": two.bias, "sb": three.bias}


def diagonal():
    net = made(models.DeepDiagonal, 2, 3)
    return net, dict(zip("abc", net.factors))


def cubes():
    net = made(models.DiagonalDifference, 2, 3)
    return net, {"u": net.u, "v": net.v}


def tensor():
    net = made(models.TensorFactorisation, [2, 2, 2], 2)
    return net, dict(zip("abc", net.factors))


def low_rank():
    inside = made(models.Attention, 3, head_width=2, causal=True)
    net = made(models.LoRA, inside, 2, arrays=["query", "value"])
    first, second = net.updates
    p = head_of(net.model) | {"qu": first.up, "qd": first.down}
    return net, p | {"vu": second.up, "vd": second.down}


MADE = {
    "convolutional net": convolutional,
    "residual net": lambda: residual(False),
    "residual net, BatchNorm": lambda: residual(True),
    "grouped query heads": grouped,
    "transformer block, RMSNorm, rotary, SwiGLU": modern,
    "transformer block, LayerNorm, GELU": older,
    "language model, tied": lambda: language(True),
    "language model, untied, learned positions": lambda: language(False),
    "mixture of experts, softmax": lambda: mixture("softmax"),
    "mixture of experts, sigmoid": lambda: mixture("sigmoid"),
    "input-convex net": convex,
    "deep diagonal net": diagonal,
    "difference of cubes": cubes,
    "entries of a tensor": tensor,
    "DeepONet": deep_onet,
    "Fourier operator": fourier,
    "low rank beside attention": low_rank,
}


@pytest.mark.parametrize("name", written.ZOO)
def test_the_same_as_by_hand(name):
    net, p = MADE[name]()
    one = written.ZOO[name]
    assert {key: x.shape for key, x in p.items()} == one.shapes
    random = np.random.default_rng(1)
    x = random.standard_normal(one.sample)
    if one.tokens is not None:
        x = random.integers(0, one.tokens, one.sample)
    x = jnp.asarray(x)
    found, expected = eqx.filter_jit(lambda net, p: (net(x), one.fn(p, x)))(net, p)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_low_rank_changes_start_at_the_model():
    inside = models.MLP([3, 4, 2], key=KEY)
    net = models.LoRA(inside, 1, key=KEY)
    x = jnp.array([0.3, -1.2, 0.7])
    np.testing.assert_array_equal(net(x), inside(x))
    problem = gf.Problem(net, "mse", (x[None], jnp.ones((1, 2))), trainable=["updates"])
    assert problem.size == (3 + 4) + (4 + 2)
    again = models.lora({"kind": "mlp", "widths": [3, 4, 2]}, 1, key=KEY)
    assert jax.tree.structure(again) == jax.tree.structure(net)


def test_tokens_beyond_the_vocabulary():
    """Count as the last, in the gradient too: Σ_v E[v] − Σ_t P[t] is a law then."""
    net, _ = language(False)
    tokens, labels = jnp.array([[9, 0, 5]]), jnp.array([[0, 1, 2]])
    problem = gf.Problem(net, "sequence_cross_entropy", (tokens, labels))
    gradient = eqx.filter_jit(lambda p: p.gradient(p.parameters))(problem)
    total = jnp.sum(gradient.embedding, axis=0)
    assert np.max(np.abs(total)) > 1e-3
    np.testing.assert_allclose(total, jnp.sum(gradient.positions, axis=0), atol=1e-14)


@wrong_arguments
@pytest.mark.parametrize(
    "name, arguments, words",
    [
        ("attention", {"width": 3, "heads": 2}, "heads divide the width.*2 for 3"),
        ("attention", {"width": 4, "heads": 2, "groups": 3}, "groups divide the heads"),
        ("attention", {"width": 3, "rotary": True}, "even head_width; got 3"),
        ("attention", {"width": 2.0}, "width is a positive integer; got 2.0"),
        ("mixture_of_experts", {"width": 2, "hidden": 0, "experts": 1}, "hidden is a"),
        (
            "mixture_of_experts",
            {"width": 2, "hidden": 1, "experts": 2, "gate": "hard"},
            "gate is one of softmax, sigmoid; got 'hard'",
        ),
        (
            "transformer_block",
            {"width": 2, "norm": "none"},
            "norm is one of layer, rms",
        ),
        ("transformer_block", {"width": 2, "feed_forward": "gelo"}, "'gelu'"),
        (
            "language_model",
            {"vocabulary": 4, "width": 2, "positions": "learned"},
            "learned positions want length",
        ),
        (
            "convolutional",
            {"channels": [1, 2, 2], "image": [4], "outputs": 1},
            "2 convolutions of 3 entries.*not fit",
        ),
        ("convolutional", {"channels": [1], "image": [4], "outputs": 1}, "2 or more"),
        ("residual", {"inputs": 1, "channels": 2, "outputs": 0}, "outputs is a"),
        ("input_convex", {"widths": [2, 1]}, "3 or more; got .2, 1."),
        ("input_convex", {"widths": [2, 2, 1], "positive": "exp"}, "squares, start"),
        ("deep_diagonal", {"width": -1}, "width is a positive integer"),
        ("diagonal_difference", {"width": 2, "depth": 0}, "depth is a positive"),
        ("tensor_factorisation", {"sizes": [3], "rank": 1}, "2 or more"),
        ("deeponet", {"branch": [2, 3], "trunk": [2, 2]}, "one width; got 3 and 2"),
        ("fourier_operator", {"channels": 2, "modes": 0}, "modes is a positive"),
        ("lora", {"of": {"kind": "mlp", "widths": [2, 2]}, "rank": 0}, "rank is a"),
        ("lora", {"of": {"widths": [2, 2]}, "rank": 1}, "kind of a model"),
        ("lora", {"of": {"kind": "mpl"}, "rank": 1}, "did you mean 'mlp'"),
        ("lora", {"of": {"kind": "mlp", "width": 3}, "rank": 1}, "mlp: .*argument"),
        (
            "lora",
            {"of": {"kind": "mlp", "widths": [2, 2]}, "rank": 1, "arrays": ["layer"]},
            r"no matrix of path 'layer'.*layers\[0\].weight",
        ),
        (
            "lora",
            {"of": {"kind": "diagonal_difference", "width": 2}, "rank": 1},
            "no array of two axes",
        ),
    ],
)
def test_what_is_refused(name, arguments, words):
    with pytest.raises(gf.GFFlowError, match=words):
        lookup("models", name)(**arguments, key=KEY)


def test_too_few_points():
    net = models.FourierOperator(2, 4, key=KEY)
    with pytest.raises(gf.ProblemError, match="4 modes want 7 points or more; got 5"):
        net(jnp.ones((1, 5)))


def test_every_model_is_tried():
    assert set(MADE) == set(written.ZOO)
    assert len(names("models")) == 16
