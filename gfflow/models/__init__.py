"""A small zoo of models; any Equinox module serves as well."""

from ._activations import identity as identity
from ._activations import relu_squared as relu_squared
from ._attention import Attention as Attention
from ._convolutional import ConvolutionalNet as ConvolutionalNet
from ._deep_linear import DeepLinear as DeepLinear
from ._diagonal import DeepDiagonal as DeepDiagonal
from ._diagonal import DiagonalDifference as DiagonalDifference
from ._factorisation import Factorisation as Factorisation
from ._feed_forward import FeedForward as FeedForward
from ._initialisers import balanced as balanced
from ._initialisers import gaussian as gaussian
from ._initialisers import glorot as glorot
from ._initialisers import he as he
from ._initialisers import small as small
from ._input_convex import InputConvex as InputConvex
from ._language_model import LanguageModel as LanguageModel
from ._low_rank import LoRA as LoRA
from ._low_rank import lora as lora
from ._mixture import MixtureOfExperts as MixtureOfExperts
from ._mlp import MLP as MLP
from ._operators import DeepONet as DeepONet
from ._operators import FourierOperator as FourierOperator
from ._residual import ResidualNet as ResidualNet
from ._tensor import TensorFactorisation as TensorFactorisation
from ._transformer import TransformerBlock as TransformerBlock
