"""The program that runs one foreign ONNX file, within limits of time and memory.

`python -m engine.vision.models.onnx_process` gets the file as its first request and batches of
pixels after it, see `engine.vision.images.wire`. A graph is a program of its maker: it may ask for
any amount of memory, loop, or name files of this computer. It can do the first two only within the
limits here, and a file that keeps its weights elsewhere is refused before onnxruntime sees it.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from engine.core.errors import BadModel
from engine.vision.images.wire import Arrays, receive, send

MEMORY = 3_000_000_000  # bytes of addresses, beyond those that the file itself takes three times
OPENING_SECONDS = 30  # of computing, for the file
SECONDS = 20.0  # of computing, for a batch of any size
SECONDS_PER_IMAGE = 2.0
MOST_NODES = 20_000
CHANNELS = (1, 3)  # that a file may take
USED = Path("/proc/self/statm")  # pages of addresses, where the system says them
OUTSIDE = 1  # TensorProto.EXTERNAL: the tensor's bytes lie in another file


class OnnxModel:
    """A session of onnxruntime whose one input is a batch of images.

    Args:
        content: of the file.

    Raises:
        BadModel: it is no such file, in one sentence that begins after the file's name.
    """

    def __init__(self, content: bytes) -> None:
        import onnxruntime

        metadata = check_file(content)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        inputs, self.output = self.session.get_inputs(), self.session.get_outputs()[0].name
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(inputs[0].shape) != 4:
            raise BadModel("takes something else than one batch of images, (N, C, H, W) in float32")
        self.input = inputs[0].name
        batch, channels, height, width = (
            size if isinstance(size, int) and size > 0 else 0 for size in inputs[0].shape
        )
        if channels not in CHANNELS or height != width:
            raise BadModel(
                f"takes images of the shape {inputs[0].shape}; square ones with 1 or 3 channels "
                "are needed"
            )
        self.batch = batch
        self.about = {"channels": channels, "side": height, **metadata}

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answers (N, classes) for normalized images (N, C, side, side)."""
        size = self.batch or len(pixels)
        parts = []
        for start in range(0, len(pixels), size):
            part = pixels[start : start + size]
            # a file with a fixed batch takes full ones alone; answers to the copies are left out
            filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            answer = np.asarray(self.session.run([self.output], {self.input: filled})[0])
            if answer.ndim != 2 or len(answer) != size:
                raise BadModel(f"gives answers of the shape {answer.shape}, not (N, classes)")
            parts.append(answer[: len(part)].astype(np.float32))
        return np.concatenate(parts)


def check_file(content: bytes) -> dict[str, Any]:
    """Labels and size that the file says, once nothing in it names another file.

    Raises:
        BadModel: it does, has too many nodes, or is no ONNX file.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise BadModel("is no ONNX file, or it is damaged") from error
    if not model.graph.node:
        raise BadModel("is no ONNX file, or an empty one")
    nodes = 0
    for message in messages(model):
        nodes += message.DESCRIPTOR.name == "NodeProto"
        if message.DESCRIPTOR.name == "TensorProto" and (
            message.data_location == OUTSIDE or message.external_data
        ):
            raise BadModel(
                "keeps its weights in another file: save the model with its weights inside"
            )
    if nodes > MOST_NODES:
        raise BadModel(f"has {nodes:,} operations; at most {MOST_NODES:,} are run")
    return metadata(model)


def messages(message: Any) -> Iterator[Any]:
    """A message of the file and all messages inside it, at any depth."""
    waiting = [message]
    while waiting:
        inner = waiting.pop()
        yield inner
        for field, value in inner.ListFields():
            if field.message_type is not None:
                waiting.extend([value] if hasattr(value, "ListFields") else value)


def metadata(model: Any) -> dict[str, Any]:
    """What a file that Blindspot wrote says of itself: labels, and that it normalizes."""
    about = {}
    for row in model.metadata_props:
        if row.key == "labels" and len(row.value) < 2**20:
            try:
                labels = json.loads(row.value)
            except (ValueError, RecursionError):
                continue
            if isinstance(labels, list) and all(isinstance(label, str) for label in labels):
                about = {"labels": labels}
    return about


def can_limit() -> bool:
    """Whether this system can limit a process's memory and time: Linux can, Windows cannot."""
    return find_spec("resource") is not None and USED.exists()


def limit_memory(content: bytes) -> None:
    """So many bytes of addresses more than now."""
    import resource

    now = int(USED.read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY + 3 * len(content), most))


def limit_time(seconds: float) -> None:
    """Seconds of computing from now on; then the system ends the process."""
    import resource

    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(used + seconds) + 1, most))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Open the file of the first request, and answer batches until there are no more."""
    model: OnnxModel | None = None
    while True:
        try:
            _, arrays = receive(requests)
        except EOFError:
            return
        words: Mapping[str, Any] = {}
        answers: Arrays = []
        try:
            if model is None:
                content = arrays.pop().tobytes()
                limit_memory(content)
                limit_time(OPENING_SECONDS)
                model = OnnxModel(content)
                words = model.about
            else:
                limit_time(SECONDS + SECONDS_PER_IMAGE * len(arrays[0]))
                answers = [model.logits(arrays.pop())]
        except BadModel as error:
            words = {"bad": str(error)}
        except MemoryError:
            words = {"bad": "needs more memory than a file of others may"}
        except Exception:  # noqa: BLE001 - the runtime's text may repeat names inside the file
            words = {"bad": "cannot be run by onnxruntime: check it there"}
        send(replies, words, answers)


def main() -> None:
    """Serve on the pipes that the program was started with."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
