"""Models that timm does not have, from files: CIFAR networks by name, and ONNX.

Programs of `torch.export` (.pt2) are not read. Loading one evaluates expressions of the file as
Python (`sympy.sympify` in torch's deserializer) and may unpickle its constants, so that a file
could run code; ONNX carries the same network without that.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from engine.core.errors import BadModel
from engine.vision.models.classifier import Classifier
from engine.vision.models.input_format import CIFAR10, InputFormat, in_format, triple
from engine.vision.models.onnx_network import SUFFIX, OnnxNetwork
from engine.vision.models.small import TITLES, build
from engine.vision.models.small.cifar import CIFAR
from engine.vision.models.spelling import NamedWeights, fitting_networks, network_shape, respelled

USUAL_SIDE = 224  # of an ONNX file that takes any size
PROGRAMS = (".pt2", ".ep")


def cifar_model(
    weights: Mapping[str, Tensor], called: str, architecture: str, labels: Sequence[str], name: str
) -> Classifier:
    """Weights of one's own for one of the CIFAR networks, read at 32 px.

    Args:
        weights: by the names of whoever trained it.
        called: the file, in messages.
        architecture: a key of CIFAR.
        labels: one for each class; numbers when left out.
        name: of the model.

    Raises:
        BadModel: the weights are those of another network.
    """
    named = respelled(weights)
    fits = fitting_networks(named.state)
    shape = network_shape(named.state)
    if architecture not in fits or shape is None:
        raise BadModel(f"{called} does not fit {architecture}.{fitting_sentence(fits)}")
    network = build(architecture, shape)
    network.load_state_dict(dict(named.state))
    return in_format(
        network,
        usual_format(named),
        name,
        TITLES[architecture],
        labels=tuple(labels),
        architecture=architecture,
    )


def usual_format(named: NamedWeights) -> InputFormat:
    """The normalization that stands in the file, else that of CIFAR-10."""
    if named.mean is None or named.std is None:
        return InputFormat(32, *CIFAR10)
    mean, std = (triple(values) for values in (named.mean, named.std))
    return InputFormat(32, mean, std)


def guessed(weights: Mapping[str, Tensor], called: str) -> str:
    """The one CIFAR network that weights without a name are for.

    Raises:
        BadModel: there is none, or several differ in what leaves no trace in the weights.
    """
    fits = fitting_networks(respelled(weights).state)
    if len(fits) == 1:
        return fits[0]
    raise BadModel(
        f"{called} holds weights alone: say for which architecture they are, such as resnet18 "
        f"(timm) or cifar_resnet18, or give a file that Blindspot exported.{fitting_sentence(fits)}"
    )


def fitting_sentence(fits: Sequence[str]) -> str:
    """Which CIFAR networks weights fit, as a sentence after another; "" for none."""
    if not fits:
        return ""
    choice = " or ".join(fits)
    difference = ", which differ in pooling alone" if len(fits) > 1 else ""
    return f" Its weights fit {choice}{difference}."


def onnx_model(content: bytes, called: str, labels: Sequence[str], name: str) -> Classifier:
    """A model that an ONNX file describes: answers, and nothing inside to look at.

    Pixels are given to it in [0, 1]; `with_format` reads it otherwise.

    Raises:
        BadModel: it is none of an image classifier, or onnxruntime is not installed.
    """
    network = OnnxNetwork(content, called)
    side = network.fixed_side or USUAL_SIDE
    return in_format(
        network, InputFormat(side), name, "ONNX", labels=tuple(labels) or network.labels
    )


def check_kind(called: str) -> None:
    """Raise BadModel for a kind of file that cannot be read without running it."""
    if called.lower().endswith(PROGRAMS):
        raise BadModel(
            f"{called} is a program of torch.export, which cannot be read without running code of "
            "the file: save the state_dict, or export the network as ONNX."
        )


def is_onnx(called: str) -> bool:
    """Whether a file's name says that it is ONNX."""
    return called.lower().endswith(SUFFIX)


def is_cifar(architecture: str) -> bool:
    """Whether it is one of the CIFAR networks."""
    return architecture in CIFAR
