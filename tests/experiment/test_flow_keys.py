"""[flow] of a config."""

import pytest

import gfflow as gf
from gfflow.experiment.config._config import load_config
from gfflow.experiment.run import build
from gfflow.experiment.run._build_flow import build_flow
from gfflow.flows import LearningRate, MirrorFlow, MomentumFlow, Nesterov, WeightDecay

CONFIG = """
[problem]
loss = "mse"
model = { kind = "deep_linear", widths = [2, 2] }
data = { kind = "teacher_student", inputs = 2, outputs = 2 }
[solver]
t1 = 1.0
[flow]
"""


@pytest.fixture
def flow(tmp_path):
    def load(*lines):
        path = tmp_path / "config.toml"
        path.write_text(CONFIG + "\n".join(lines))
        return build_flow(load_config(path).config.flow)

    (tmp_path / "rates.py").write_text("half = lambda t: t / 2\nnumber = 3\n")
    return load


def test_kinds(flow):
    assert isinstance(flow(), gf.GradientFlow)
    assert isinstance(flow('kind = "natural"'), gf.NaturalGradientFlow)
    assert isinstance(flow('kind = "adam"'), gf.PreconditionedFlow)
    assert isinstance(flow('kind = "rmsprop"', "tau = 2.0"), gf.PreconditionedFlow)
    assert isinstance(flow('kind = "sign"'), gf.PreconditionedFlow)
    assert flow('kind = "saddle"', 'ascent = ["layers[0]"]').ascent == ("layers[0]",)


def test_momentum(flow):
    assert float(flow('kind = "momentum"', "friction = 2").friction(0.0)) == 2
    nesterov = flow('kind = "momentum"', 'friction = "nesterov"', "nesterov = 4.0")
    assert (
        isinstance(nesterov.friction, Nesterov) and float(nesterov.friction(2.0)) == 2
    )
    own = flow('kind = "momentum"', 'friction = "./rates.py:half"')
    assert float(own.friction(3.0)) == 1.5
    decays = flow('kind = "momentum"', "weight_decay = 0.5")
    assert isinstance(decays, MomentumFlow) and float(decays.weight_decay) == 0.5
    apart = flow('kind = "momentum"', "weight_decay = 0.5", "coupled = false")
    assert isinstance(apart, WeightDecay) and not apart.coupled


def test_modifiers(flow):
    assert float(flow("weight_decay = 0.5").weight_decay) == 0.5
    made = flow('weight_decay = "./rates.py:half"', 'learning_rate = "./rates.py:half"')
    assert isinstance(made, LearningRate) and isinstance(made.flow, WeightDecay)
    assert made.homogeneous_decay()(3.0) == 1.5


def test_mirror(flow):
    made = flow(
        'kind = "mirror"',
        'potential = "euclidean"',
        'potentials = { "layers[0]" = 1.5 }',
    )
    assert isinstance(made, MirrorFlow) and made.dual
    assert type(made.potential_of("layers[0].weight")).__name__ == "PNorm"
    assert type(made.potential_of("layers[1].weight")).__name__ == "Euclidean"


WRONG = {
    'kind = "momentm"': "did you mean 'momentum'?",
    "friction = 1.0": "flow.friction: unknown key",
    'kind = "momentum"\nfriction = -1': "must be at least 0",
    'kind = "momentum"\nfriction = [1]': '"nesterov", or a function of time',
    'kind = "momentum"\nfriction = "./no.py:half"': "there is no file",
    'kind = "mirror"\npotential = 3.0': "flow.potential: must be at most 2",
    'kind = "saddle"': "flow.ascent: this key is required",
    "weight_decay = true": "must be a number",
}


@pytest.mark.parametrize("lines", WRONG)
def test_wrong(flow, lines):
    with pytest.raises(gf.ConfigError) as caught:
        flow(lines)
    assert WRONG[lines] in str(caught.value), str(caught.value)


REFUSED = {
    'learning_rate = "./rates.py:number"': ("9: flow.learning_rate", "it is int"),
    'kind = "momentum"\nfriction = "./rates.py:no"': (
        "10: flow.friction",
        "has no 'no'",
    ),
    'kind = "mirror"\nweight_decay = 0.5': ("10: flow.weight_decay", "coupled=True"),
    'kind = "saddle"\nascent = ["layer"]': (
        "10: flow.ascent",
        "no parameter of path 'layer'",
    ),
    'kind = "mirror"\n[flow.potentials]\nlayer = "entropy"': (
        "10: flow.potentials",
        "no parameter of path 'layer'",
    ),
    'kind = "mirror"\npotential = "entropy"': ("10: flow.potential", "positive"),
}


@pytest.mark.parametrize("lines", REFUSED)
def test_refused_when_it_is_built(tmp_path, lines):
    (tmp_path / "rates.py").write_text("half = lambda t: t / 2\nnumber = 3\n")
    (tmp_path / "config.toml").write_text(CONFIG + lines)
    loaded = load_config(tmp_path / "config.toml")
    with pytest.raises(gf.ConfigError) as caught:
        build(loaded.config, loaded.where)
    place, words = REFUSED[lines]
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path}/config.toml:{place}: ") and words in problem
