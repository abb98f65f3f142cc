"""The way of every channel through a network: who makes it, who adds to it, who reads it.

One forward pass is watched operation by operation. Every output channel of a convolution or linear
layer gets a number; sums and products couple the numbers of both sides; concatenation and
flattening carry them along. What comes of an operation that is not known here is fixed: its
channels stay. So whatever is found to be removable is so, and what is not found stays whole.

torch-pruning does the same and more by tracing autograd's graph; it is not among what this app
needs, and these few operations are all that convolutional networks are made of here.
"""

from engine.sparsity.masks.channels.found import Channels, Space
from engine.sparsity.masks.channels.watch import channels_of

__all__ = ["Channels", "Space", "channels_of"]
