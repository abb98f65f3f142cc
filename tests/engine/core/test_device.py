"""Which device is taken, what it computes fast, and what it has room for."""

import os
from itertools import product
from pathlib import Path

import pytest
import torch

from engine.core.device import (
    best_device,
    finish,
    for_double,
    free_memory,
    has_fast,
    in_double,
    memory_budget,
    release_cache,
    same_numbers,
)
from engine.core.errors import BlindspotError

CPU, CUDA, MPS = (torch.device(kind) for kind in ("cpu", "cuda", "mps"))


@pytest.mark.parametrize(
    ("cuda", "mps", "best"), [(True, True, "cuda:3"), (False, True, "mps:0"), (False, False, "cpu")]
)
def test_a_gpu_is_taken_before_a_cpu_and_cuda_before_mps(cuda, mps, best, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert str(best_device()) == best


@pytest.mark.parametrize(("lane", "inside"), [("cuda:0", (False, True)), ("cpu", (True, False))])
def test_convolutions_on_cuda_are_exact_and_a_script_has_its_settings_again(
    lane, inside, monkeypatch
):
    cudnn = torch.backends.cudnn
    for name, usual in (("allow_tf32", True), ("deterministic", False)):
        monkeypatch.setattr(cudnn, name, usual)
    results = []

    def stopped():
        with same_numbers(lane):
            results.append((cudnn.allow_tf32, cudnn.deterministic))
            raise BlindspotError("stopped")

    with pytest.raises(BlindspotError):
        stopped()
    assert results == [inside]
    assert (cudnn.allow_tf32, cudnn.deterministic) == (True, False)


@pytest.mark.parametrize(("device", "said"), [(CPU, []), (CUDA, ["cuda"]), (MPS, ["mps"])])
def test_a_gpu_is_waited_for_and_gives_its_memory_back(device, said, monkeypatch):
    waited, gave = [], []
    for kind in ("cuda", "mps"):
        backend = getattr(torch, kind)
        monkeypatch.setattr(backend, "synchronize", lambda *_, kind=kind: waited.append(kind))
        monkeypatch.setattr(backend, "empty_cache", lambda kind=kind: gave.append(kind))
    finish(device)
    release_cache(device)
    assert (waited, gave) == (said, said)


def test_float64_is_computed_where_there_is_float64():
    assert [for_double(device).type for device in (CPU, CUDA, MPS)] == ["cpu", "cuda", "cpu"]
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    wide = in_double(values)
    wide.sum().backward()
    assert wide.dtype == torch.float64
    assert values.grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("real", [True, False])
def test_bfloat16_that_a_gpu_only_emulates_is_not_fast(real, monkeypatch):
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: real or including_emulation
    )
    assert has_fast(CUDA) is real


@pytest.mark.parametrize(
    ("avx512", "amx"),
    [*product((True, False, None), repeat=2)],  # None: a torch that cannot tell
)
def test_a_cpu_is_fast_with_either_of_two_instruction_sets(avx512, amx, monkeypatch):
    for name, has in (("_is_avx512_bf16_supported", avx512), ("_is_amx_tile_supported", amx)):
        monkeypatch.delattr(torch.cpu, name, raising=False)
        if has is not None:
            monkeypatch.setattr(torch.cpu, name, lambda has=has: has, raising=False)
    assert has_fast(CPU) is bool(avx512 or amx)
    assert not has_fast(MPS)


def test_a_batch_may_take_a_fifth_of_what_is_free_and_weights_all_of_it(monkeypatch):
    assert memory_budget(CPU) == memory_budget(MPS) == 2 * 1024**3
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device: (1_000_004, 9_000_000))
    assert memory_budget(CUDA) == 200_000
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < free_memory(torch.device("cpu")) < whole
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "nothing of the kind")
    assert free_memory(torch.device("cpu")) == whole // 2
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1000, 5000))
    assert free_memory(torch.device("cuda")) == 1000
