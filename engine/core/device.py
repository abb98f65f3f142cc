"""Which device computes, and what it can do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from engine.core.method import Precision

PRECISIONS: tuple[Precision, ...] = ("exact", "fast")


def best_device() -> torch.device:
    """CUDA if present, else MPS, else the CPU; with the number that its tensors' device has."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps", 0)
    return torch.device("cpu")


@contextmanager
def same_numbers(lane: str) -> Iterator[None]:
    """Inside, convolutions of a CUDA lane are in float32 and alike every time.

    TF32, which torch takes otherwise, has 10 bits. A script that uses the engine has its own
    settings again afterwards.
    """
    if not lane.startswith("cuda"):
        yield
        return
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.deterministic
    cudnn.allow_tf32, cudnn.deterministic = False, True
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic = before


def finish(device: torch.device) -> None:
    """Wait until a GPU has done all that it was given; a CPU has, when a call returns."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def release_cache(device: torch.device) -> None:
    """Give the memory that torch keeps for a GPU's next tensors back to whoever needs it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def name_of(device: torch.device) -> str:
    """What a CUDA device is sold as; "" for any other."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else ""


def for_double(device: torch.device) -> torch.device:
    """Where to compute in float64 what lies there: MPS has none, so on the CPU."""
    return torch.device("cpu") if device.type == "mps" else device


def in_double(values: Tensor) -> Tensor:
    """In float64, on the CPU where the device has none; gradients find their way back."""
    return values.to(for_double(values.device)).double()


def has_fast(device: torch.device) -> bool:
    """Whether bfloat16 is computed by the hardware and not emulated."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        flag = getattr(torch.cpu, "_is_avx512_bf16_supported", None)
        amx = getattr(torch.cpu, "_is_amx_tile_supported", None)
        return bool((flag and flag()) or (amx and amx()))
    return False


def memory_budget(device: torch.device) -> int:
    """Bytes that one batch's activations may take: a fifth of what is free, 2 GiB on a CPU."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free // 5
    return 2 * 2**30


def free_memory(device: torch.device) -> int:
    """Bytes that are free for weights; of a computer that does not say it, half of what it has."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        memory_info = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(memory_info["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
