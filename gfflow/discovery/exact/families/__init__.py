"""Architectures, each as its φ with the laws that are known."""

from ._attention import attention as attention
from ._attention import softmax as softmax
from ._convolution import convolution as convolution
from ._gated import swiglu as swiglu
from ._linear import linear as linear
from ._mirror import icnn as icnn
from ._mirror import nmf as nmf
from ._relu import homogeneous as homogeneous
from ._relu import relu as relu
