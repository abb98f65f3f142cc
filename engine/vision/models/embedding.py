"""A network that ends at its embedding: what its last linear layer is given."""

from torch import nn

from engine.vision.models.classifier import Classifier

SUFFIX = "-embedding"  # of the name of a model without its head


def embedding_of(model: Classifier) -> Classifier:
    """A copy of the model without its head; its outputs (N, D) are `model.features`.

    Raises:
        BadModel: the model does not end in a linear layer.
    """
    head = next(name for name, module in model.network.named_modules() if module is model.head)
    network = model.twin().network
    network.set_submodule(head, nn.Identity())
    return Classifier(
        network,
        f"{model.name}{SUFFIX}",
        f"{model.title}, embedding",
        model.side,
        model.mean.flatten().tolist(),
        model.std.flatten().tolist(),
        device=model.device,
    )
