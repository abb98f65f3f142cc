"""Features and logits of many images, once for each model and data set, and then kept."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.borrow import borrowed
from engine.core.method import Method, Progress, quiet
from engine.core.result import Features, Floats, Result
from engine.evaluation.detection.case import DataCase, headless
from engine.evaluation.detection.rows import as_seen
from engine.vision.models.classifier import Classifier
from engine.vision.models.layers import capturing
from engine.vision.models.pace import in_batches

HOLD = 0.25  # seconds for which the model is borrowed at a time; others then have their turn


@dataclass(frozen=True)
class Extract(Method[DataCase]):
    """What the model makes of each image: the numbers its last layer sees, and its logits.

    Features are what the last linear layer is given, in whatever unit the network has; logits are
    its scores for the classes. Nothing is judged here: the detectors that judge all read the same
    numbers, so they are computed once for each model and data set and kept.
    """

    name = "Features"
    family = "anomaly"
    title = "Features"
    cost = "wait"
    needs = frozenset({"data"})
    proof = (
        "tests/engine/anomaly/test_sources.py"
        "::test_features_times_the_head_give_the_logits_for_every_model_that_ships"
    )

    def __call__(self, case: DataCase, progress: Progress = quiet) -> Result:
        """View: features."""
        return {"features": extracted(case, progress)}


@dataclass(eq=False)
class Outputs:
    """Where the outputs of a run over `count` images go, allocated at the first batch."""

    count: int
    arrays: dict[str, Floats] = field(default_factory=dict)

    def put(self, name: str, start: int, values: Tensor) -> None:
        """Rows from `start` on."""
        rows = values.float().cpu().numpy()
        if name not in self.arrays:
            self.arrays[name] = np.empty((self.count, *rows.shape[1:]), np.float32)
        self.arrays[name][start : start + len(rows)] = rows


def extracted(case: DataCase, progress: Progress = quiet) -> Features:
    """Features, logits, maps and keys of every image of the case."""
    data, model = case.data, case.model
    pace = model.pace(case.precision)
    group = pace.batch * max(1, ceil(HOLD / max(pace.batch * pace.seconds, 1e-9)))
    outputs = Outputs(len(data))
    keys = np.empty(len(data), np.int64)
    start = 0
    while start < len(data):
        end = min(start + group, len(data))
        pixels = as_seen(data, slice(start, end), model.side)
        keys[start:end] = [key_of(pixel) for pixel in pixels]
        forward_batches(model, pixels, outputs, start, case.layers)
        progress(end / len(data), "looking at images")
        start = end
    names = {name: f"maps/{name}" for name in case.layers}
    return Features(
        outputs.arrays.get("features", np.empty((len(data), 0), np.float32)),
        outputs.arrays["logits"],
        keys,
        {name: outputs.arrays[inner] for name, inner in names.items()},
    )


def forward_batches(
    model: Classifier,
    pixels: Tensor,
    outputs: Outputs,
    start: int = 0,
    layers: tuple[str, ...] = (),
) -> None:
    """Run the model over pixels (n, 3, side, side) in batches, and keep what passes."""
    pace = model.pace("exact")
    head = None if headless(model) else model.head
    with ExitStack() as stack:
        net = stack.enter_context(borrowed(model))
        stack.enter_context(torch.inference_mode())
        head_inputs = stack.enter_context(capturing(head, inputs=True)) if head is not None else []
        maps = {n: stack.enter_context(capturing(model.layer(n))) for n in layers}

        def run(low: int, high: int) -> None:
            for captured in (head_inputs, *maps.values()):
                captured.clear()
            batch = pixels[low:high].to(model.device, memory_format=pace.memory_format)
            outputs.put("logits", start + low, net(batch))
            if head_inputs and head_inputs[0].ndim == 2:
                outputs.put("features", start + low, head_inputs[0])
            for name, captured in maps.items():
                outputs.put(f"maps/{name}", start + low, captured[0])

        in_batches(len(pixels), pace.batch, run, model.title)


def key_of(image: Tensor) -> int:
    """A digest of an image's pixels (3, H, W), by which it is known again."""
    gray = image[:1] if image.stride(0) == 0 else image  # one channel repeated is hashed once
    # in 8 bits, so that an image from a file and the same one from a data set have one key
    levels: NDArray[np.uint8] = np.rint(gray.numpy() * 255).astype(np.uint8)
    if len(levels) == 3 and (levels[:1] == levels).all():
        levels = levels[:1]
    digest = blake2b(np.ascontiguousarray(levels).tobytes(), digest_size=7).digest()
    return int.from_bytes(digest, "big")
