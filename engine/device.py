"""Which device computes, and what it can do."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from engine.method import Precision

PRECISIONS: tuple[Precision, ...] = ("exact", "fast")


def best_device() -> torch.device:
    """CUDA if present, else MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


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
        found = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(found["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
