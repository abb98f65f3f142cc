"""Weights are read from memory as torch and safetensors would, and nothing of them is left."""

import ast
import io
import json
import signal
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save
from torch import nn

from engine.core.errors import BadModel
from engine.unlearning.zipped_models import open_zip
from engine.vision.models import checkpoints, weights_table
from engine.vision.models.card import card_of, weights_of
from engine.vision.models.inert import Storage, TensorPlace
from engine.vision.models.own_file import load_weights, open_alike, open_model
from engine.vision.models.rebuild import model_bytes
from engine.vision.models.weights_file import read_network, read_weights
from engine.vision.models.weights_table import (
    EndsOfFile,
    Hole,
    check_archive,
    tensor_row,
    whole_numbers,
)
from tests import tiny
from tests.hostile.archives import zipped
from tests.hostile.weights import head, torch_file

ROOT = Path(__file__).resolve().parents[4]
KINDS = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8",
         "uint16", "bool", "float8_e4m3fn")  # fmt: skip
OURS = {"engine/core/keeping/store.py", "engine/vision/models/compiling.py"}  # in our own folder


def saved(content, form):
    """A file of weights in one of three formats, and its name."""
    if form == "safetensors":
        whole = {name: tensor.contiguous().clone() for name, tensor in content.items()}
        return save(whole), "a.safetensors"
    return torch_file(content, _use_new_zipfile_serialization=form == "zip"), "a.pt"


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
@pytest.mark.parametrize("kind", KINDS)
def test_tensors_of_any_kind_and_stride_are_those_that_were_saved(form, kind):
    base = torch.arange(24).reshape(2, 3, 4).to(getattr(torch, kind))
    content = {
        "plain": base,
        "turned": base.permute(2, 0, 1),
        "part": base[:, 1:, ::2],
        "none": base[:0],
        "one": base[1, 1, 1],
        "module.named": nn.Parameter(base.float()),
        "again": base[1],
    }
    result = read_weights(*saved(content, form))
    assert result.keys() == {name.removeprefix("module.") for name in content}
    for name, expected in content.items():
        read = result[name.removeprefix("module.")]
        assert (read.dtype, read.shape) == (expected.dtype, expected.shape)
        assert read.tolist() == expected.tolist()


@pytest.mark.parametrize("form", ["zip", "legacy"])
def test_a_network_saved_whole_gives_its_tensors_and_runs_nothing(form):
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    result = read_network(*saved(network, form))
    for name, expected in network.state_dict().items():
        assert torch.equal(result[name], expected)


def safe(tensors, body=b"", **metadata):
    header = json.dumps(tensors | ({"__metadata__": metadata} if metadata else {})).encode()
    return struct.pack("<Q", len(header)) + header + body


def entry(kind="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": kind, "shape": list(shape), "data_offsets": list(offsets)}


@pytest.mark.parametrize(
    "content",
    [
        safe({"a": entry()}, bytes(7)),
        safe({"a": entry()}, bytes(9)),
        safe({"a": entry(offsets=(8, 16))}, bytes(16)),
        safe({"a": entry(), "b": entry()}, bytes(8)),
        safe({"a": entry(), "b": entry(offsets=(4, 12))}, bytes(12)),
        safe({"a": entry(shape=(2**62, 2**62))}, bytes(8)),
        safe({"a": entry(shape=(-1, -2))}, bytes(8)),
        safe({"a": entry(shape=(2.0,))}, bytes(8)),
        safe({"a": entry(shape=(True, 2))}, bytes(8)),
        safe({"a": entry(shape=[1] * 30 + [2])}, bytes(8)),
        safe({"a": entry(offsets=(0, "8"))}, bytes(8)),
        safe({"a": 3}, bytes(8)),
        safe({"a": entry()}, bytes(8), blindspot=3),
        struct.pack("<Q", 40_000) + b"[" * 40_000,
    ],
)
def test_a_safetensors_file_that_does_not_hold_what_it_says_is_damaged(content):
    with pytest.raises(BadModel, match=r"^a\.safetensors cannot be read as weights"):
        read_weights(content, "a.safetensors")


def test_a_tensor_may_reach_to_the_end_of_its_storage_and_not_beyond():
    def row(count, *stride):
        place = TensorPlace(Storage("k", "float32", count), 1, (2, 3), stride)
        return tensor_row("w", place, {"k": (9, 5)}, "a.pt")

    assert row(8, 4, 1) == ("w", "float32", [2, 3], [4, 1], 1, 9, 8, 5)  # the last is 1 + 4 + 2
    for count, *stride in ((7, 4, 1), (8, 1, 3), (8, 4), (8, 1, 1, 0)):
        with pytest.raises(ValueError, match=r"beyond|zip"):
            row(count, *stride)


def test_sizes_are_whole_numbers_of_few_digits_and_few_of_them():
    assert whole_numbers([0, 2**62 - 1, *[1] * 18]) == [0, 2**62 - 1, *[1] * 18]
    for sizes in ([2**62], [-1], [1] * 21):
        with pytest.raises(ValueError, match="no sizes"):
            whole_numbers(sizes)


def test_an_archive_has_words_members_and_bytes_up_to_its_bounds(monkeypatch):
    def check(*sizes, size=15, packed=0):
        members = [zipfile.ZipInfo(name) for name in ("a/data.pkl", "a/data/0", "a/data/1")]
        for member, file_size in zip(members, sizes, strict=False):
            member.file_size, member.compress_type = file_size, packed
        check_archive(members[: len(sizes)], size, "a.pt")

    monkeypatch.setattr(weights_table, "MOST_WORDS", 10)
    monkeypatch.setattr(weights_table, "MOST_MEMBERS", 2)
    check(10, 5)
    for sizes in ((11,), (5, 5, 5), (10, 6)):
        with pytest.raises(BadModel, match=r"a\.pt describes more tensors"):
            check(*sizes)
    with pytest.raises(BadModel, match="is packed"):
        check(10, 5, packed=zipfile.ZIP_DEFLATED)


@pytest.mark.parametrize("form", ["safetensors", "zip", "legacy"])
def test_of_a_large_file_the_ends_alone_are_looked_at(form):
    content = {"a": torch.arange(1_700_000), "b": torch.arange(3)}  # 14 MB
    result = read_weights(*saved(content, form))
    assert all(torch.equal(result[name], tensor) for name, tensor in content.items())
    plain = zipfile.ZipFile(io.BytesIO(torch_file(content)))
    packed = zipped({name: plain.read(name) for name in plain.namelist()})
    with pytest.raises(BadModel, match="is packed"):
        read_weights(packed, "a.pt")


def test_tensors_that_share_their_numbers_become_no_more_than_the_file():
    whole = torch.zeros(100, 100)
    assert torch.equal(read_weights(torch_file({"a": whole, "b": whole}), "a.pt")["b"], whole)
    many = {str(at): whole for at in range(50)}
    with pytest.raises(BadModel, match=r"a\.pt says that its tensors share their numbers"):
        read_weights(torch_file(many), "a.pt")


def test_of_a_file_whose_middle_is_not_here_the_ends_are_read():
    file = io.BufferedReader(EndsOfFile(b"abc", b"xyz", 100))
    assert file.read(3) == b"abc"
    file.seek(-2, 2)
    assert file.read() == b"yz"
    file.seek(50)
    with pytest.raises(Hole):
        file.read(1)


def opened_everywhere(model, state):
    """Open a model in each way that a stranger can."""
    exported = model_bytes(card_of(model, title="Mine"), weights_of(model))
    open_model(exported, "secret.safetensors")
    checkpoints.bring_in(exported, "secret.safetensors")
    for form in ("safetensors", "zip", "legacy"):
        content, name = saved(model.network.state_dict(), form)
        open_alike(content, name, model)
    load_weights(state, "secret.pt", "resnet10t")
    open_zip(zipped({"secret.safetensors": exported, "b.safetensors": exported}), "s.zip", 2)


def test_no_temporary_file_is_written_whatever_is_opened(empty_home, monkeypatch):
    state = torch_file(head())
    model = checkpoints.load(checkpoints.put(card_of(named()), named()).name)
    monkeypatch.setattr(tempfile, "tempdir", str(empty_home / "nowhere"))
    opened_everywhere(model, state)


def named():
    """A model of an architecture that can be built again."""
    from engine.vision.training import Recipe, fresh

    return fresh(tiny.columns(8, tuple("abcd")), Recipe("mlp"))


def test_nothing_of_ours_but_what_we_keep_goes_through_a_temporary_file():
    results = set()
    for path in (*ROOT.glob("engine/**/*.py"), *ROOT.glob("components/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if "tempfile" in names or getattr(node, "module", "") == "tempfile":
                results.add(path.relative_to(ROOT).as_posix())
    assert results == OURS


KILLED = """
import os, signal, sys
from engine.unlearning import zipped_models
zipped_models.open_model = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
zipped_models.open_zip(open(sys.argv[1], "rb").read(), "secret.zip", 9)
"""


def test_nothing_is_left_when_it_is_killed_while_weights_are_read(tmp_path):
    model, folder, home = named(), tmp_path / "temporary", tmp_path / "home"
    folder.mkdir()
    exported = model_bytes(card_of(model, title="Mine"), weights_of(model))
    archive = tmp_path / "secret.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for at in range(9):
            file.writestr(f"secret{at}.safetensors", exported)
    place = {"TMPDIR": str(folder), "BLINDSPOT_HOME": str(home), "PYTHONPATH": str(ROOT)}
    place |= {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(archive)]
    done = subprocess.run(command, cwd=ROOT, check=False, env=place)
    assert done.returncode == -signal.SIGKILL
    assert not [path for path in folder.iterdir() if not path.name.startswith("torchinductor_")]
    assert not [path for path in home.rglob("*") if "secret" in path.name]
