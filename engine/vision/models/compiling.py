"""Compile a network in a process of its own: `python -m engine.vision.models.compiling FOLDER`.

Exporting patches `nn.Module` for the whole process, so that forward passes elsewhere fail while it
lasts. The process that answers questions therefore never exports: it writes a request (weights as
safetensors, everything else as JSON), starts this program at low priority, and gets a package.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from engine.core.keeping.store import PART
from engine.vision.models import packages
from engine.vision.models.differentiating import export_both

if TYPE_CHECKING:
    from engine.vision.models.classifier import Classifier
    from engine.vision.models.pace import Pace

ROOT = Path(__file__).parents[3]
REQUEST, WEIGHTS, PACKAGE, ERRORS = "request.json", "weights.safetensors", "model.pt2", "errors"
LIMIT = 900.0  # seconds
NICENESS = 10  # questions go first


class CannotCompile(Exception):
    """Why there is no package; the model goes on as it is."""


class Plain(nn.Module):
    """A classifier's forward pass without its lock, which a compiler cannot follow."""

    mean: Tensor
    std: Tensor

    def __init__(self, body: Classifier) -> None:
        super().__init__()
        self.network = body.network
        self.register_buffer("mean", body.mean)
        self.register_buffer("std", body.std)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (N, classes) of pixels (N, 3, side, side)."""
        logits: Tensor = self.network((pixels - self.mean) / self.std)
        return logits


def noise_batch(side: int, pace: Pace) -> Tensor:
    """A full batch of noise in the pace's number type and format."""
    pixels = torch.rand(pace.batch, 3, side, side, generator=torch.Generator().manual_seed(0))
    return pixels.to(pace.dtype, memory_format=pace.memory_format)


def compiled_apart(body: Classifier, pace: Pace) -> bytes:
    """The package of a model for full batches at that pace. Raises CannotCompile."""
    return made_apart(body, pace, (PACKAGE,))[0]


def made_apart(body: Classifier, pace: Pace, files: Sequence[str]) -> list[bytes]:
    """What another process makes of a model for full batches at that pace: these files.

    Raises:
        CannotCompile: its architecture has no name here, or the other process failed.
    """
    parent = packages.made_folder()  # where strays are swept, and which is nobody else's
    with TemporaryDirectory(prefix=PART, dir=parent, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        write_request(body, pace, folder)
        run_apart(folder)
        try:
            return [(folder / file).read_bytes() for file in files]
        except OSError as error:
            raise CannotCompile(last_line(folder / ERRORS)) from error


def write_request(body: Classifier, pace: Pace, folder: Path) -> None:
    """What the other process needs: the weights, and how the network is built and asked."""
    from safetensors.torch import save_file

    from engine.core.errors import BadModel
    from engine.vision.models.card import card_of

    try:
        card = card_of(body)
    except BadModel as error:
        raise CannotCompile(str(error)) from error
    state = body.network.state_dict()
    weights = {key: tensor.detach().clone().contiguous() for key, tensor in state.items()}
    save_file(weights, folder / WEIGHTS)
    request = {
        "architecture": card.architecture,
        "channels": card.channels,
        "side": card.side,
        "mean": card.mean,
        "std": card.std,
        "classes": len(card.labels),
        "narrowed": card.narrowed,
        "batch": pace.batch,
        "channels_last": pace.channels_last,
        "use": pace.use,
        "threads": packages.THREADS,
        "width": card.width,
    }
    (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")


def run_apart(folder: Path) -> None:
    """Run this module on the folder; it ends when this process ends, or after LIMIT seconds."""
    environment = os.environ | {
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache"),
        "TMPDIR": str(folder),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    with (folder / ERRORS).open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 - Python itself, on a folder made here
            [sys.executable, "-m", "engine.vision.models.compiling", str(folder)],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdin=subprocess.PIPE,  # it closes when this process ends, however it ends
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
        try:
            process.wait(LIMIT)
        except BaseException as error:
            end_process(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise CannotCompile(f"it took more than {LIMIT:.0f} s") from error
            raise
        finally:
            if process.stdin:
                process.stdin.close()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End the process and the compilers that it has started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def last_line(path: Path) -> str:
    """The last line of what the other process said."""
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1][:300] if lines else "the compiling process ended without a word"


# ---------------------------------------------------------------- in the other process


def main(folder: Path) -> None:
    """Make the package that the folder asks for."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    torch.set_num_threads(request["threads"])
    network, pixels = rebuilt(request, folder / WEIGHTS)
    if request["use"] == "gradient":
        export_both(network, pixels, folder)
    else:
        export(network, pixels, folder / "made.pt2").replace(folder / PACKAGE)


def end_with_parent() -> None:
    """Wait until the parent is gone, then end with all that was started from here."""
    os.read(0, 1)
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def rebuilt(request: dict[str, Any], weights: Path) -> tuple[nn.Module, Tensor]:
    """The network of a request, and a batch for it."""
    from safetensors.torch import load_file

    from engine.vision.models.card import ModelCard
    from engine.vision.models.pace import Pace, into
    from engine.vision.models.rebuild import assembled

    labels = tuple(str(index) for index in range(request["classes"]))
    card = ModelCard(
        "compiled",
        request["architecture"],
        request["channels"],
        request["side"],
        tuple(request["mean"]),
        tuple(request["std"]),
        labels,
        narrowed=request["narrowed"],
        width=request["width"],
    )
    model = assembled(card, load_file(weights), "compiled")
    pace = Pace(request["batch"], request["channels_last"], request["use"], 0.0)
    model.to(pace.dtype)
    into(model.network, pace)
    return Plain(model), noise_batch(model.side, pace)


def export(network: nn.Module, pixels: Tensor, path: Path) -> Path:
    """Export the network for inputs like the example, its weights frozen in, and package it."""
    from torch._inductor import aoti_compile_and_package

    with torch.no_grad():
        program = torch.export.export(network.eval(), (pixels,))
        aoti_compile_and_package(
            program, package_path=str(path), inductor_configs={"freezing": True}
        )
    return path


if __name__ == "__main__":
    main(Path(sys.argv[1]))
