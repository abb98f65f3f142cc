"""Compiled models on disk, so that the next start has them at once.

A package holds native code. Only those are loaded that lie in the own cache folder, which nobody
else may write to, under a name made here and with the bytes that were written.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import stat
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from engine.core.keeping.packing import checksum
from engine.core.keeping.private import private_folder
from engine.core.keeping.store import home, remove, touch, write_atomic

if TYPE_CHECKING:
    from engine.vision.models.classifier import Classifier
    from engine.vision.models.pace import Pace

log = logging.getLogger(__name__)

DISK_BYTES = 1 * 2**30
FORM = 1  # raise it when the same model must be compiled anew
SUFFIX = ".pt2"
SUM = ".sum"  # the package's checksum

Forward = Callable[[Tensor], Tensor]
Part = Callable[[list[Tensor]], list[Tensor]]  # what it is given is let go of


def folder() -> Path:
    """Where packages are kept."""
    return home() / "compiled"


def made_folder() -> Path:
    """The folder, made for nobody else to write to."""
    return private_folder(folder())


THREADS = torch.get_num_threads()  # a thread may begin with what another one has set for itself


def name_of(body: Classifier, pace: Pace, part: str = "") -> str:
    """A package's name: of weights, batch, side, format, number type, machine and torch.

    Args:
        body: what is compiled.
        pace: for whose batch.
        part: of what is kept in several packages.
    """
    about = {
        "form": FORM,
        "model": body.fingerprint,
        "side": body.side,
        "batch": pace.batch,
        "channels_last": pace.channels_last,
        "dtype": str(pace.dtype),
        "machine": machine(),
        "threads": THREADS,
        "torch": str(torch.__version__),
        **({"part": part} if part else {}),
    }
    return blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=16).hexdigest()


@cache
def machine() -> str:
    """The processor and what it can do: code for another one might not run here."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    facts = [line for line in lines if line.startswith(("model name", "flags", "Features"))][:2]
    cpu_level = str(torch.backends.cpu.get_cpu_capability())
    return "|".join([platform.machine(), platform.processor(), cpu_level, *facts])


def keep(name: str, data: bytes) -> None:
    """Keep a package; those read longest ago make room for it."""
    parent = made_folder()
    write_atomic(parent / f"{name}{SUM}", checksum(data).encode())
    write_atomic(parent / f"{name}{SUFFIX}", data)
    results = sorted(parent.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in results)
    for path in results[:-1]:
        if total <= DISK_BYTES:
            return
        total -= path.stat().st_size
        delete_package(path.stem)


def delete_package(name: str) -> None:
    for suffix in (SUFFIX, SUM):
        remove(folder() / f"{name}{suffix}")


def sum_of(name: str) -> str:
    """The checksum of the package of that name; "" when there is none."""
    try:
        return (folder() / f"{name}{SUM}").read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


def load(name: str) -> Forward | None:
    """The compiled forward pass of that name; None when there is none that can be trusted."""
    path = trusted(name)
    return None if path is None else open_package(path)


def load_part(name: str) -> Part | None:
    """The compiled part of that name; None when there is none that can be trusted."""
    path = trusted(name)
    return None if path is None else opened_part(path)


def trusted(name: str) -> Path | None:
    """The file of a package that is whole and that nobody else can have written."""
    path = folder() / f"{name}{SUFFIX}"
    try:
        if not path.is_file() or not private(path.parent):
            return None
        is_intact = checksum(path.read_bytes()) == path.with_suffix(SUM).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        log.info("package %s is not used: %s", name, error)
        return None
    if not is_intact:
        log.warning("package %s is damaged and was removed", name)
        delete_package(name)
        return None
    touch(path)
    return path


def private(own: Path) -> bool:
    """Whether nobody else can write into the folder."""
    if not hasattr(os, "getuid"):
        return True
    facts = own.stat()
    return facts.st_uid == os.getuid() and not facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def open_package(path: Path) -> Forward:
    """A package as a function of the pixels. Raises RuntimeError when it cannot be loaded."""
    run = opened_part(path)
    return lambda pixels: run([pixels])[0]


def opened_part(path: Path) -> Part:
    """A package as a function; nothing of torch's compiler is imported for it.

    Raises:
        RuntimeError: it cannot be loaded.
    """
    loader = torch._C._aoti.AOTIModelPackageLoader(str(path), "model", False, 1, -1)

    def run(inputs: list[Tensor]) -> list[Tensor]:
        tensors: list[Tensor] = loader.boxed_run(inputs)
        return tensors

    return run
