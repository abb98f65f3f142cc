"""Named tensors from a file of one's own; code that it may hold is never run.

What a file says of itself is looked at before it is opened: torch and safetensors believe their
headers, and a pickle of a few bytes can ask for any amount of memory.
"""

from __future__ import annotations

import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile, is_zipfile

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.errors import BadModel

SUFFIXES = (".safetensors", ".pt", ".pth")
CODE = ("GLOBAL ", "Unsupported class", "TorchScript")  # in what torch says of a refused file
MOST_WORDS = 2 * 2**20  # bytes that describe the tensors; a network of a thousand has 200 000
MOST_MEMBERS = 20_000  # of a .pt file, one a tensor
PICKLES = 5  # of torch's format before 1.6; the tensors' bytes follow them
DATA = "data.pkl"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Named tensors of a `.safetensors` or `.pt` file; code in it is never run.

    Raises:
        BadModel: the file is no such file, is damaged, holds code, or no plain table of tensors.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        message = f"{path.name} is neither .safetensors nor .pt: those are what can be read."
        raise BadModel(message)
    if not path.is_file():
        raise BadModel(f"There is no file {path.name} here: check the path.")
    try:
        state: Any = safe_tensors(path) if suffix == ".safetensors" else torch_tensors(path)
    except BadModel:
        raise
    except Exception as error:  # a damaged or hostile file can raise anything
        if any(sign in str(error) for sign in CODE):
            message = (
                f"{path.name} holds more than weights (pickled code), so it was not opened. "
                "Save the state_dict alone, best as .safetensors."
            )
            raise BadModel(message) from error
        raise BadModel(f"{path.name} cannot be read as weights: it is damaged or empty.") from error
    for wrapper in ("state_dict", "model"):
        if isinstance(state, Mapping) and isinstance(state.get(wrapper), Mapping):
            state = state[wrapper]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in state.items()
    ):
        raise BadModel(f"{path.name} holds no plain table of weights (a state_dict).")
    plain = {name.removeprefix("module."): value for name, value in state.items()}
    for name, tensor in plain.items():
        if not is_plain(tensor):
            raise BadModel(f"{path.name}: {name[:80]!r} is no plain array of real numbers.")
    return plain


def safe_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors file."""
    check_words(path)
    return load_file(path)


def check_words(path: Path) -> None:
    """Raise BadModel for a .safetensors file that describes too much."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if MOST_WORDS < length < path.stat().st_size:
        raise BadModel(said_too_much(path))


def torch_tensors(path: Path) -> Any:
    """What a .pt file holds, of the types that are sure."""
    if modern := is_zipfile(path):
        check_archive(path)
    else:
        check_pickles(path)
    return torch.load(path, map_location="cpu", weights_only=True, mmap=modern)


def check_archive(path: Path) -> None:
    """Raise BadModel for a .pt file that unpacks to more than it has, or describes too much."""
    try:
        with ZipFile(path) as archive:
            members = archive.infolist()
    except (BadZipFile, NotImplementedError) as error:
        message = f"{path.name} cannot be read as weights: it is damaged or empty."
        raise BadModel(message) from error
    if any(one.compress_type != ZIP_STORED for one in members):
        raise BadModel(f"{path.name} is packed, as torch never saves weights: save it again.")
    words = sum(one.file_size for one in members if one.filename.endswith(DATA))
    total = sum(one.file_size for one in members)
    if words > MOST_WORDS or len(members) > MOST_MEMBERS or total > path.stat().st_size:
        raise BadModel(said_too_much(path))


def check_pickles(path: Path) -> None:
    """Raise BadModel when the pickles of torch's old format describe too much."""
    with path.open("rb") as file:
        for _ in range(PICKLES):
            for _, _, place in pickletools.genops(file):
                if place is not None and place > MOST_WORDS:
                    raise BadModel(said_too_much(path))


def said_too_much(path: Path) -> str:
    """The sentence for a file of more words than weights."""
    return (
        f"{path.name} describes more tensors than a network has: save the state_dict alone, best "
        "as .safetensors."
    )


def is_plain(tensor: Tensor) -> bool:
    """Whether it is an ordinary array of real numbers, each of which the file really holds."""
    return (
        type(tensor) in {Tensor, nn.Parameter}
        and tensor.layout == torch.strided
        and tensor.device.type == "cpu"
        and not tensor.is_quantized
        and not tensor.is_complex()
        and not tensor.is_nested
        and tensor.numel() * tensor.element_size() <= tensor.untyped_storage().nbytes()
    )
