"""Every named part of gfflow: one line a part, importable without JAX.

A part is registered as `name: ("module", "attribute", "one line for `gfflow list`")`,
or by `register`, and imported only when it is asked for by `lookup`. A config names it
too: `kind = "name"`, with the keys of its signature, or of the section that
`gfflow/experiment/config/` has for it.
"""

import difflib
import importlib
from collections.abc import Iterable
from typing import Any

from ._errors import GFFlowError

_Entry = tuple[str, str, str]

_FLOWS: dict[str, _Entry] = {
    "gradient": (
        "gfflow.flows",
        "GradientFlow",
        "θ' = −∇L(θ) [− λθ with weight_decay = λ]",
    ),
    "momentum": (
        "gfflow.flows",
        "MomentumFlow",
        "θ'' + τ(t)θ' = −∇L(θ): heavy ball, Nesterov, any τ",
    ),
    "mirror": (
        "gfflow.flows",
        "MirrorFlow",
        "∇Φ(θ)' = −∇L(θ): entropy, log-barrier, p-norm, by parameter",
    ),
    "natural": (
        "gfflow.flows",
        "NaturalGradientFlow",
        "θ' = −(F + damping·I)⁻¹∇L, F Gauss–Newton or Fisher",
    ),
    "rmsprop": ("gfflow.flows", "rmsprop", "v' = (g² − v)/tau, θ' = −g/(√v + eps)"),
    "adam": ("gfflow.flows", "adam", "Adam's limit of small steps, times tau1, tau2"),
    "saddle": ("gfflow.flows", "SaddleFlow", "descent, but ascent in the paths ascent"),
    "sign": ("gfflow.flows", "sign", "θ' = −g/√(g² + eps²); −sign g with eps = 0"),
}

_SOLVERS: dict[str, _Entry] = {
    "auto": (
        "gfflow.solvers",
        "Auto",
        "explicit, then Radau IIA or ROCK2 where the flow is stiff",
    ),
    "gauss_legendre": (
        "gfflow.solvers",
        "GaussLegendre",
        "collocation, order 2s: stiff, keeps quadratic laws (1 to 9 stages)",
    ),
    "radau_iia": (
        "gfflow.solvers",
        "RadauIIA",
        "collocation, order 2s − 1: stiff, L-stable (1 to 9 stages)",
    ),
    "conjugate": (
        "gfflow.solvers",
        "Conjugate",
        "momentum: Gauss–Legendre in (θ, μθ'), keeps rotation laws to round-off",
    ),
    "kink_resolved": (
        "gfflow.solvers",
        "KinkResolved",
        "explicit, order 5, each step on one smooth piece: networks with kinks",
    ),
    "rock2": (
        "gfflow.solvers",
        "ROCK2",
        "stabilised explicit, order 2: hλ gradients cost √(hλ), least memory",
    ),
} | {
    name.lower(): ("diffrax", name, text)
    for name, text in {
        "Heun": "explicit Runge–Kutta, order 2(1)",
        "Midpoint": "explicit Runge–Kutta, order 2(1)",
        "Ralston": "explicit Runge–Kutta, order 2(1)",
        "Bosh3": "Bogacki–Shampine, explicit, order 3(2)",
        "Tsit5": "Tsitouras, explicit, order 5(4)",
        "Dopri5": "Dormand–Prince, explicit, order 5(4)",
        "Dopri8": "Dormand–Prince, explicit, order 8(7)",
        "ReversibleHeun": "algebraically reversible, order 2(1)",
        "ImplicitEuler": "backward Euler, order 1(1)",
        "Kvaerno3": "stiffly accurate ESDIRK, order 3(2)",
        "Kvaerno4": "stiffly accurate ESDIRK, order 4(3)",
        "Kvaerno5": "stiffly accurate ESDIRK, order 5(4)",
        "KenCarp3": "the explicit half of this IMEX pair, order 3(2)",
        "KenCarp4": "the explicit half of this IMEX pair, order 4(3)",
        "KenCarp5": "the explicit half of this IMEX pair, order 5(4)",
        "Sil3": "the explicit half of this IMEX pair, order 2(1)",
    }.items()
}

_LAWS: dict[str, _Entry] = {
    "balancedness": (
        "gfflow.laws",
        "balancedness",
        "linear layers: W₂ᵀW₂ − W₁W₁ᵀ − b₁b₁ᵀ at each hidden layer",
    ),
    "rescaling": (
        "gfflow.laws",
        "rescaling",
        "q-homogeneous units: q‖W₂[:,k]‖² − ‖W₁[k,:]‖² − b_k²",
    ),
    "softmax_column_sums": (
        "gfflow.laws",
        "softmax_column_sums",
        "softmax cross-entropy: column sums of the last weight, sum of its bias",
    ),
    "factor_sums": (
        "gfflow.laws",
        "factor_sums",
        "nonnegative factorisation, entropy: Σ_i U_ik − Σ_j V_jk",
    ),
    "rotation": (
        "gfflow.laws",
        "rotation",
        "momentum, linear layers: μ(W₂ᵀW₂' − W₂'ᵀW₂ + W₁W₁'ᵀ − W₁'W₁ᵀ)",
    ),
}

_MODELS: dict[str, _Entry] = {
    "mlp": ("gfflow.models", "MLP", "multilayer perceptron, any jax.nn activation"),
    "deep_linear": ("gfflow.models", "DeepLinear", "x ↦ W_L ⋯ W₁ x [+ biases]"),
    "factorisation": ("gfflow.models", "Factorisation", "UVᵀ, by the numbers of rows"),
} | {
    name: ("gfflow.models", attribute, text)
    for name, attribute, text in (
        ("convolutional", "ConvolutionalNet", "convolutions, then a linear map"),
        ("residual", "ResidualNet", "residual convolutions [BatchNorm: on batches]"),
        ("attention", "Attention", "heads of a sequence [grouped, causal, rotary]"),
        ("mixture_of_experts", "MixtureOfExperts", "all experts, softmax or sigmoid"),
        ("transformer_block", "TransformerBlock", "pre-norm, SwiGLU, ReLU, GELU, ..."),
        ("language_model", "LanguageModel", "tokens ↦ logits, causal"),
        ("input_convex", "InputConvex", "convex in x"),
        ("deep_diagonal", "DeepDiagonal", "(f₁ ∘ ⋯ ∘ f_L)ᵀ x"),
        ("diagonal_difference", "DiagonalDifference", "(u^L − v^L)ᵀ x"),
        ("tensor_factorisation", "TensorFactorisation", "entries, by their indices"),
        ("deeponet", "DeepONet", "branch(f)ᵀ trunk(y)"),
        ("fourier_operator", "FourierOperator", "layers in few Fourier modes"),
        ("lora", "lora", "W + U D in the place of matrices W of another model"),
    )
}

_DATA: dict[str, _Entry] = {
    "digits": ("gfflow.data", "digits", "scikit-learn digits, 1797 × 64, 10 classes"),
    "breast_cancer": (
        "gfflow.data",
        "breast_cancer",
        "scikit-learn breast cancer, 569 × 30, 2 classes",
    ),
    "diabetes": ("gfflow.data", "diabetes", "scikit-learn diabetes, 442 × 10, values"),
    "teacher_student": (
        "gfflow.data",
        "teacher_student",
        "Gaussian inputs, targets of a random two-layer teacher",
    ),
    "antiderivative": (
        "gfflow.data",
        "antiderivative",
        "random functions at sensors and a point, their integrals up to it",
    ),
    "text": ("gfflow.data", "text", "characters of an English text, and the next ones"),
    "npz": ("gfflow.data", "from_npz", "arrays of a NumPy .npz file"),
    "csv": ("gfflow.data", "from_csv", "columns of a .csv file"),
}

_LOSSES: dict[str, _Entry] = {
    "mse": ("gfflow.losses", "mse", "mean over outputs of (z − y)²"),
    "half_squared_error": ("gfflow.losses", "half_squared_error", "½ Σ (z − y)²"),
    "softmax_cross_entropy": (
        "gfflow.losses",
        "softmax_cross_entropy",
        "−Σ y log softmax(z), y a label or probabilities",
    ),
    "sequence_cross_entropy": (
        "gfflow.losses",
        "sequence_cross_entropy",
        "mean over positions, labels of a sequence or a batch",
    ),
    "logistic": (
        "gfflow.losses",
        "logistic",
        "log(1 + exp(−yz)), y in {0,1} or {−1,1}",
    ),
    "huber": ("gfflow.losses", "huber", "mean over outputs of Huber's loss, δ = 1"),
}

_INITIALISERS: dict[str, _Entry] = {
    "glorot": ("gfflow.models", "glorot", "Gaussian, variance 2 / (fan in + fan out)"),
    "he": ("gfflow.models", "he", "Gaussian, variance 2 / fan in"),
    "gaussian": (
        "gfflow.models",
        "gaussian",
        "Gaussian, standard deviation init_scale",
    ),
    "balanced": ("gfflow.models", "balanced", "singular values shared: all laws are 0"),
    "small": ("gfflow.models", "small", "Gaussian, variance 10⁻⁶ / fan in"),
}

_ACTIVATIONS: dict[str, _Entry] = {
    name: ("gfflow.models", name, text)
    for name, text in {"identity": "z", "relu_squared": "max(z, 0)²"}.items()
} | {
    name: ("jax.nn", name, f"jax.nn.{name}")
    for name in (
        "celu elu gelu hard_sigmoid hard_silu hard_tanh leaky_relu log_sigmoid mish "
        "relu relu6 selu sigmoid silu soft_sign softplus sparse_plus squareplus swish "
        "tanh"
    ).split()
}

_OPTIMISERS: dict[str, _Entry] = {
    name: ("gfflow.discrete", name, text)
    for name, text in {
        "sgd": "θ⁺ = θ − η(g + λθ)",
        "heavy_ball": "v⁺ = βv − η(g + λθ), θ⁺ = θ + v⁺",
        "nesterov": "v⁺ = βv − η(g + λθ), θ⁺ = θ + βv⁺ − η(g + λθ)",
        "adam": "Adam, decoupled weight decay",
        "rmsprop": "RMSProp, decoupled weight decay",
        "sign": "θ⁺ = θ − η sign(g) − ηλθ",
    }.items()
}

_KINDS: dict[str, dict[str, _Entry]] = {
    "flows": _FLOWS,
    "solvers": _SOLVERS,
    "optimisers": _OPTIMISERS,
    "laws": _LAWS,
    "models": _MODELS,
    "data": _DATA,
    "losses": _LOSSES,
    "initialisers": _INITIALISERS,
    "activations": _ACTIVATIONS,
}


def register(
    kind: str, name: str, module: str, attribute: str, description: str
) -> None:
    """Name a part from outside of this file.

    **Arguments:**

    - `kind`: one of `kinds()`, such as `"flows"`.
    - `name`: in lower case, as configs write it.
    - `module`, `attribute`: where it is; imported when it is asked for.
    - `description`: one line for `gfflow list`.

    **Raises:** `GFFlowError` for no such kind, or a name that is not in lower case or
    that another part has.
    """
    if kind not in _KINDS:
        raise GFFlowError(
            f"nothing of kind {kind!r}{suggest(kind, _KINDS)}; "
            f"there are: {', '.join(_KINDS)}"
        )
    if name != name.lower():
        raise GFFlowError(f"a name is in lower case; got {name!r}")
    entry = (module, attribute, description)
    if _KINDS[kind].setdefault(name, entry) != entry:
        raise GFFlowError(f"{kind}: another part has the name {name!r}")


def kinds() -> list[str]:
    """The kinds of part that have names: "flows", "solvers", ..."""
    return list(_KINDS)


def names(kind: str) -> list[str]:
    """The registered names of one kind, in the order of registration."""
    return list(_KINDS[kind])


def describe(kind: str) -> dict[str, str]:
    """Name → one line of description, for one kind."""
    return {name: entry[2] for name, entry in _KINDS[kind].items()}


def suggest(word: str, words: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest of `words`, or the empty string."""
    lower = {other.lower(): other for other in words}
    near = difflib.get_close_matches(word.lower(), list(lower), n=1, cutoff=0.6)
    return f" (did you mean {lower[near[0]]!r}?)" if near else ""


def lookup(kind: str, name: str) -> Any:
    """The part of this kind and name, imported now.

    **Raises:** `GFFlowError` if there is none of that name.
    """
    table = _KINDS[kind]
    key = name.lower()
    if key not in table:
        raise GFFlowError(
            f"no {kind} of name {name!r}{suggest(name, table)}; "
            f"there are: {', '.join(table)}"
        )
    module, attribute, _ = table[key]
    return getattr(importlib.import_module(module), attribute)
