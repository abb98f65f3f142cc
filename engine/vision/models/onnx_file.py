"""A model as an ONNX file, for programs that run no PyTorch, checked before it is handed out.

The file takes what a `Classifier` takes, pixels in [0, 1], and normalizes them itself, so that
whoever runs it cannot do it in another way. Labels and size stand in its metadata.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.core.errors import BlindspotError
from engine.core.method import Progress, quiet
from engine.vision.models.classifier import Classifier
from engine.vision.models.extras import ONNX
from engine.vision.models.turns import in_turns

TOLERANCE = 1e-5  # of the largest logit, or of 1 where all are smaller
LARGEST = 200_000_000  # bytes of weights: a session holds its last file in memory
REPEATS, SECONDS = 50, 10.0

_one_at_a_time = threading.Lock()  # two exports of torch mix up what they traced

Floats = NDArray[np.float32]


class FromPixels(nn.Module):
    """The network behind its normalization: pixels (N, 3, side, side) in [0, 1] → logits."""

    mean: Tensor
    std: Tensor

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.network = model.network
        self.register_buffer("mean", model.mean)
        self.register_buffer("std", model.std)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes)."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A checked ONNX file.

    Args:
        data: the file.
        difference: the largest of any logit from the model's, as a share of the largest logit.
        milliseconds: of one image on the CPU, the median in onnxruntime and in PyTorch, by turns.
    """

    data: bytes
    difference: float
    milliseconds: tuple[float, float]


def onnx_file(model: Classifier, pixels: Tensor, progress: Progress = quiet) -> OnnxFile:
    """Write the model as ONNX and hold onnxruntime's logits against its own.

    Args:
        model: of one's own, in eval mode: its network is traced as it stands.
        pixels: (n, 3, side, side) in [0, 1], what it is checked with.
        progress: told after writing, checking and timing.

    Raises:
        BlindspotError: the libraries are not installed, the model is too large or cannot be
            written, or onnxruntime's logits differ by more than 1e-5.
    """
    if not ONNX.installed:
        raise BlindspotError(f"An ONNX file needs further libraries: {ONNX.install}.")
    size = sum(
        parameter.numel() * parameter.element_size() for parameter in model.network.parameters()
    )
    if size > LARGEST:
        raise BlindspotError(
            f"{model.title} has {size / 1e6:,.0f} MB of weights; as ONNX at most "
            f"{LARGEST / 1e6:.0f} MB are written here. Keep it as a checkpoint instead."
        )
    cpu_model = on_cpu(model)
    data = onnx_bytes(cpu_model)
    progress(0.5, "written; compared with the model")
    session = open_session(data)
    expected = model_logits(cpu_model, pixels).numpy()
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(run(session, pixels) - expected).max()) / scale
    if not difference <= TOLERANCE:
        raise BlindspotError(
            f"onnxruntime's logits differ from the model's by {difference:.1g} of the largest: no "
            "file is given out, because it would be another model."
        )
    progress(0.7, "compared; timed")
    first_image = pixels[:1]
    times = in_turns(
        {
            "onnx": lambda: torch.from_numpy(run(session, first_image)),
            "torch": lambda: model_logits(cpu_model, first_image),
        },
        REPEATS,
        SECONDS,
    )
    progress(1.0, "timed")
    onnx, torch_s = (1000 * float(np.median(times[name])) for name in ("onnx", "torch"))
    return OnnxFile(data, difference, (onnx, torch_s))


def on_cpu(model: Classifier) -> Classifier:
    """The model on the CPU, where both compute in float32; a GPU may round convolutions."""
    if model.device.type == "cpu":
        return model
    twin = model.twin(paced=False)
    twin.device = torch.device("cpu")
    return twin.to(twin.device)


def model_logits(model: Classifier, pixels: Tensor) -> Tensor:
    with torch.inference_mode():
        logits: Tensor = model(pixels)
    return logits


def onnx_bytes(model: Classifier) -> bytes:
    """The file; any number of images may be asked at a time. Raises BlindspotError."""
    example = torch.zeros(2, 3, model.side, model.side)
    try:
        with _one_at_a_time:
            program: Any = torch.onnx.export(
                FromPixels(model).eval(),
                (example,),
                dynamo=True,
                verbose=False,
                input_names=["pixels"],
                output_names=["logits"],
                dynamic_shapes=({0: torch.export.Dim("images")},),
            )
    except Exception as error:
        raise BlindspotError(
            f"{model.title} cannot be written as ONNX: a part of its network has no counterpart "
            "there. Keep it as a checkpoint instead."
        ) from error
    proto = program.model_proto
    about = {"labels": list(model.labels), "side": model.side, "title": model.title}
    for key, value in about.items():
        proto.metadata_props.add(key=key, value=json.dumps(value))
    data: bytes = proto.SerializeToString()
    return data


def open_session(data: bytes) -> Any:
    """A session of onnxruntime with the threads that torch has, so that times compare."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def run(session: Any, pixels: Tensor) -> Floats:
    """Logits (n, classes) by onnxruntime."""
    logits: Floats = session.run(None, {"pixels": pixels.numpy()})[0]
    return logits
