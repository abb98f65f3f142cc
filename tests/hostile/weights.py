"""Weights that mean harm: written by torch where that can be."""

import io
import pickle
import struct
import zipfile
from typing import Any

from tests.hostile.archives import Hostile, zipped
from tests.in_memory import torch_file


def head(rows: int = 3, fill: float = 0.0, kind: str = "float32") -> dict[str, Any]:
    """The weights of a resnet10t with that last layer."""
    import timm
    import torch

    with torch.device("meta"):
        state = timm.create_model("resnet10t", num_classes=3).state_dict()
    weights = {name: torch.zeros(like.shape, dtype=like.dtype) for name, like in state.items()}
    weights["fc.weight"] = torch.full((1, 512), fill, dtype=getattr(torch, kind)).repeat(rows, 1)
    weights["fc.bias"] = torch.zeros(rows)
    return weights


def repacked() -> bytes:
    """Weights in an archive that is deflated: 200 MB of zeros."""
    import torch

    plain = zipfile.ZipFile(io.BytesIO(torch_file({"a": torch.zeros(50_000_000)})))
    return zipped({name: plain.read(name) for name in plain.namelist()})


def pickled(words: bytes) -> bytes:
    return zipped({"archive/data.pkl": words, "archive/version": b"3\n"}, zipfile.ZIP_STORED)


def stack(count: int) -> bytes:
    """A pickle that makes so many empty tables."""
    return b"\x80\x02" + b"}" * count + b"."


def old_format(count: int) -> bytes:
    """Torch's format before 1.6 with such a pickle."""
    start = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}))
    return start + stack(count)


def words_of_safetensors(count: int) -> bytes:
    """A .safetensors file that describes so many tensors of no size."""
    entries = ",".join(
        f'"{at}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}' for at in range(count)
    )
    body = f"{{{entries}}}".encode()
    return struct.pack("<Q", len(body)) + body + bytes(8)


def sparse() -> Any:
    """A sparse tensor of a million by a million."""
    import torch

    return torch.sparse_coo_tensor(torch.zeros(2, 1, dtype=torch.long), [1.0], (10**6, 10**6))


def expanded() -> dict[str, Any]:
    """One number that says it is a matrix of 4 TB."""
    import torch

    return {"fc.weight": torch.zeros(1).as_strided((10**6, 10**6), (0, 0))}


WEIGHTS = (
    Hostile("nan.pt", lambda: torch_file(head(fill=float("nan"))), "no finite number"),
    Hostile("infinity.pt", lambda: torch_file(head(fill=float("inf"))), "no finite number"),
    Hostile("complex.pt", lambda: torch_file(head(kind="complex64")), "no plain array of real"),
    Hostile("whole.pt", lambda: torch_file(head(kind="int64")), "torch.float32 is needed"),
    Hostile("classes.pt", lambda: torch_file(head(rows=30_000)), "30,000 classes"),
    Hostile("nested.pt", lambda: torch_file({"a": {"b": {"c": 1}}}), "no plain table"),
    Hostile("sparse.pt", lambda: torch_file({"a": sparse()}), "no plain array"),
    Hostile("expanded.pt", lambda: torch_file(expanded()), "no plain array of real"),
    Hostile("packed.pt", repacked, "is packed"),
    Hostile("stack.pt", lambda: pickled(stack(6_000_000)), "more tensors than a network has"),
    Hostile("old.pt", lambda: old_format(6_000_000), "more tensors than a network has"),
    Hostile("words.safetensors", lambda: words_of_safetensors(200_000), "more tensors than"),
    Hostile("length.safetensors", lambda: b"\xff" * 64, "damaged or empty"),
)
ARCHITECTURE = "resnet10t"
OTHERS = (  # names of architectures, for a file of resnet18's own weights
    *("vit_giant_patch14_224", "resnet18.made_up", "hf-hub:evil/model", "local-dir:/etc"),
    *("resnet18/../../x", "https://evil/x", "os.system", "", " ", "a" * 100_000),
)
