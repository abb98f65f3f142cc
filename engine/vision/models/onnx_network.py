"""A network from an ONNX file, run by onnxruntime in a process of its own: it gives logits only.

There are no weights to look at, no gradients and no layers inside: methods that need those say so.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.core.errors import BadModel
from engine.vision.images.wire import receive, send
from engine.vision.models.extras import ONNX
from engine.vision.models.onnx_process import can_limit

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = "engine.vision.models.onnx_process"
SUFFIX = ".onnx"
LONGEST = 300.0  # seconds that a batch may take whatever the computer does besides


class OnnxRun:
    """The process that runs a file; started anew when it has ended.

    Args:
        content: of the file.
        called: what messages call it.

    Raises:
        BadModel: it cannot be run, in one sentence.
    """

    def __init__(self, content: bytes, called: str) -> None:
        if not ONNX.installed:
            raise BadModel(f"{called} is an ONNX file; reading one needs {ONNX.install}.")
        if not can_limit():
            raise BadModel(
                f"{called} is an ONNX file, which runs only within limits of memory and time, and "
                "this system cannot set them: open it on Linux (Docker or WSL will do), or give "
                "the weights alone as .safetensors."
            )
        self.content, self.called = content, called
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        with self._lock:
            self.about: Mapping[str, Any] = self._start()

    def logits(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answers (N, classes). Raises BadModel when the process ends or refuses."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            _, arrays = self._ask(pixels)
            return cast("NDArray[np.float32]", arrays[0])

    def _start(self) -> Mapping[str, Any]:
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", PROGRAM],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        weakref.finalize(self, end_process, self._process)
        return self._ask(np.frombuffer(self.content, np.uint8))[0]

    def _ask(self, array: NDArray[Any]) -> tuple[Mapping[str, Any], list[NDArray[Any]]]:
        process = cast("subprocess.Popen[bytes]", self._process)
        late = threading.Timer(LONGEST, process.kill)
        late.daemon = True
        late.start()
        try:
            send(cast("BinaryIO", process.stdin), {}, [array])
            words, arrays = receive(cast("BinaryIO", process.stdout))
        except (OSError, EOFError, ValueError) as error:
            end_process(process)
            raise BadModel(
                f"{self.called} took more time or memory than a file of others may, or made "
                "onnxruntime fail."
            ) from error
        finally:
            late.cancel()
        if "bad" in words:
            raise BadModel(f"{self.called} {words['bad']}.")
        return words, arrays


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process, and wait for it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except OSError:  # something was still to be written
                continue


class OnnxNetwork(nn.Module):
    """Normalized images (N, 3, side, side) → logits (N, classes), without gradients.

    Args:
        content: of the file.
        called: what messages call it.

    Raises:
        BadModel: it is no ONNX file of an image classifier, or onnxruntime is not installed.
    """

    answers_only = True  # no weights, gradients or layers to look at

    def __init__(self, content: bytes, called: str) -> None:
        super().__init__()
        self.run = OnnxRun(content, called)
        self.digest = blake2b(content, digest_size=16).hexdigest()
        self.input_channels = int(self.run.about["channels"])
        self.fixed_side = int(self.run.about["side"]) or None
        self.labels = tuple(str(label) for label in self.run.about.get("labels", ()))

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) on the images' device."""
        pixels = images.detach().float().cpu()
        if self.input_channels == 1:
            pixels = pixels.mean(1, keepdim=True)
        logits = torch.from_numpy(self.run.logits(np.ascontiguousarray(pixels.numpy())))
        return logits.to(images.device, images.dtype)

    def extra_repr(self) -> str:
        """The digest of the file, by which models are told apart."""
        return self.digest

    def __deepcopy__(self, memo: dict[int, Any]) -> OnnxNetwork:
        """A copy that shares the process, for nothing in it can be changed."""
        copy = OnnxNetwork.__new__(OnnxNetwork)
        nn.Module.__init__(copy)
        for name in ("run", "digest", "input_channels", "fixed_side", "labels"):
            setattr(copy, name, getattr(self, name))
        memo[id(self)] = copy
        return copy.train(self.training)
