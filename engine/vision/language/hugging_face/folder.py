"""A folder with a model of the hub: looked at before anything of it is opened or built.

What is needed: `config.json`, weights as `.safetensors` (one file, or several with their index), a
tokenizer, and how pixels are normalized. Pickled weights are refused: opening them can run code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite, prod
from pathlib import Path
from typing import Any, TypeGuard

from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.vision import foreign_text
from engine.vision.language.hugging_face.families import DECODERS, FAMILIES, NAMES
from engine.vision.models.weights_table import MOST_WORDS

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
PIXELS = ("preprocessor_config.json", "processor_config.json")
SAFE = ".safetensors"
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
TOKENIZER = ("tokenizer.json", "tokenizer.model", "vocab.json")
SIGNS = ("added_tokens.json", "tokenizer_config.json")  # may name tokens beside those
SMALL = {".json", ".txt", ".model"}  # what the library reads beside the weights
ADAPTER = "adapter_config.json"
MOST_LAYERS, MOST_JSON = 256, 50 * 2**20
BIG = (
    "hidden_size",
    "intermediate_size",
    "vocab_size",
    "image_size",
    "embed_dim",
    "num_query_tokens",
)
MOST_BIG = 2**20  # of any such number; the largest vocabularies have 300 000
COLORS = 3
LOOKS = 32  # folders that stay known while none of their files changes


@dataclass(frozen=True)
class ModelFolder:
    """A folder that has all that is needed.

    Args:
        path: where it lies.
        kind: the `model_type` of its configuration.
        mean, std: of the pixels, one for each color.
        numbers: how many weights its files hold.
        nbytes: of these files.
        fingerprint: of the small files whole, and of the weights' headers, sizes and samples.
    """

    path: Path
    kind: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    numbers: int
    nbytes: int
    fingerprint: str


_looks: Memory[ModelFolder] = Memory(LOOKS)


def inspect_folder(path: Path) -> ModelFolder:
    """What a folder holds; it is read once while none of its files changes.

    Raises:
        BadModel: says what is missing, refused, not known or unreadable.
    """
    try:
        if not path.is_dir():
            raise BadModel(f"There is no folder {path.name}: check its name.")
        return _looks.made(state(path), lambda: read_folder(path))
    except (TypeError, ValueError, AttributeError, OverflowError, OSError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its files hold odd values"
        raise BadModel(
            f"{path.name} cannot be read ({reason}): download it again, or correct its files."
        ) from error


def state(path: Path) -> str:
    """The names, sizes and times of a folder's files."""
    result = ((str(file.relative_to(path)), file.stat()) for file in files_of(path))
    return repr(
        [str(path), *((name, of.st_size, of.st_mtime_ns, of.st_ctime_ns) for name, of in result)]
    )


def files_of(path: Path) -> list[Path]:
    """The folder's files, and those of the folders in it that are read."""
    subfolders = sorted({name for family in FAMILIES.values() for name in family.folders})
    places = [path, *(path / name for name in subfolders if (path / name).is_dir())]
    return [file for place in places for file in sorted(place.iterdir()) if file.is_file()]


def read_folder(path: Path) -> ModelFolder:
    """A folder, with its files read. Raises BadModel."""
    config = read_json(path / CONFIG, "the configuration")
    kind = kind_of(config, path.name)
    if "transformers_weights" in config or (path / ADAPTER).is_file():
        raise BadModel(
            f"{path.name} takes weights from other files than its own {WEIGHTS}: merge them "
            "(save_pretrained does) and delete what points to them."
        )
    files = weight_files(path)
    check_tokenizer(path, kind)
    mean, std = normalization(path)
    headers = [header(file) for file in files]
    digest = blake2b(digest_size=16)
    for file in (file for file in files_of(path) if file.suffix in SMALL):
        digest.update(repr((str(file.relative_to(path)), size := file.stat().st_size)).encode())
        if size <= MOST_JSON:
            digest.update(file.read_bytes())
        else:
            sample(file, digest.update)
    for file, (raw, _) in zip(files, headers, strict=True):
        digest.update(raw)
        digest.update(str(file.stat().st_size).encode())
        sample(file, digest.update)
    return ModelFolder(
        path,
        kind,
        mean,
        std,
        sum(numbers for _, numbers in headers),
        sum(file.stat().st_size for file in files),
        digest.hexdigest(),
    )


def read_json(path: Path, what: str) -> dict[str, Any]:
    """A JSON object of a folder. Raises BadModel."""
    folder = path.parent.name
    if not path.is_file():
        raise BadModel(f"{folder} has no {path.name}: {what} is missing, so it cannot be read.")
    if path.stat().st_size > MOST_JSON:
        raise BadModel(f"{path.name} in {folder} is larger than {MOST_JSON // 2**20} MB.")
    try:
        json = foreign_text.read_json(path.read_bytes(), MOST_JSON)
    except (OSError, ValueError) as error:
        raise BadModel(f"{path.name} in {folder} cannot be read: it is damaged.") from error
    if not isinstance(json, dict):
        raise BadModel(f"{path.name} in {folder} cannot be read: it holds no settings.")
    return json


def kind_of(config: Mapping[str, Any], folder: str) -> str:
    """The kind of model. Raises BadModel for one that cannot be read, or of impossible sizes."""
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in FAMILIES:
        description = f"of the kind {str(kind)[:40]!r}" if kind else "of no kind that is named"
        raise BadModel(f"{folder} holds a model {description}; {NAMES} can be read.")
    usual = "opt" if FAMILIES[kind].leads else "llama"  # where the file does not say it
    text = config.get("text_config") or ({} if FAMILIES[kind].leads else config)
    decoder = text.get("model_type", usual) if isinstance(text, dict) else None
    if not isinstance(decoder, str) or decoder not in {*DECODERS, kind}:
        raise BadModel(
            f"{folder} speaks by a language model of the kind {str(decoder)[:40]!r}; of "
            f"{', '.join(sorted(DECODERS))} the layers can be called one by one."
        )
    vision, asking = (config.get(part) or {} for part in ("vision_config", "qformer_config"))
    if not isinstance(vision, dict) or not isinstance(asking, dict):
        raise BadModel(f"{CONFIG} in {folder} does not say how the model sees.")
    for part in (config, text, vision, asking):
        layers = part.get("num_hidden_layers", part.get("depth", 1))
        sizes = [part.get(name, 1) for name in BIG]
        is_valid = all(isinstance(size, int) and 0 < size <= MOST_BIG for size in sizes)
        if not is_valid or not isinstance(layers, int) or not 0 < layers <= MOST_LAYERS:
            raise BadModel(f"{CONFIG} in {folder} asks for a model of impossible size.")
    return kind


def check_tokenizer(path: Path, kind: str) -> None:
    """Raise BadModel where the tokenizer is missing, or was made for prompts of another form."""
    for part in FAMILIES[kind].folders:
        if not (path / part).is_dir():
            raise BadModel(f"{path.name} has no folder {part}: put that of the same model into it.")
        tokenizer_files(path / part)
    files = tokenizer_files(path)
    words = b"\n".join(file.read_bytes() for file in files)
    if unknown := [sign for sign in FAMILIES[kind].signs() if sign.encode() not in words]:
        raise BadModel(
            f"The tokenizer in {path.name} does not know {unknown[0]}, so the model was trained "
            f"with prompts of another form than can be written here; {NAMES} can be asked."
        )


def tokenizer_files(path: Path) -> list[Path]:
    """The files of a tokenizer. Raises BadModel where it is missing or too large."""
    if not any((path / name).is_file() for name in TOKENIZER):
        raise BadModel(
            f"{path.name} has no tokenizer: put {TOKENIZER[0]} of the same model into it."
        )
    files = [path / name for name in (*TOKENIZER, *SIGNS) if (path / name).is_file()]
    if any(file.stat().st_size > MOST_JSON for file in files):
        raise BadModel(f"The tokenizer in {path.name} is larger than {MOST_JSON // 2**20} MB.")
    return files


def weight_files(path: Path) -> list[Path]:
    """The files with weights. Raises BadModel: none, some missing, or pickled ones only."""
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / INDEX).is_file():
        named = read_json(path / INDEX, "the index").get("weight_map")
        names = sorted(set(map(str, named.values()))) if isinstance(named, dict) else []
        odd = [name for name in names if Path(name).name != name or Path(name).suffix != SAFE]
        if odd:  # the library opens what is written there, wherever it lies
            raise BadModel(
                f"{INDEX} in {path.name} names {odd[0][:80]!r}: only {SAFE} files of the folder "
                "itself are opened. Download it again."
            )
        files = [path / name for name in names]
        missing = [file.name for file in files if not file.is_file()]
        if not files or missing:
            lost = f"{', '.join(missing[:3])} missing" if missing else "its index names no file"
            raise BadModel(f"{path.name} is not complete: {lost}. Download it again.")
        return files
    if any(result for pattern in PICKLED for result in path.glob(pattern)):
        raise BadModel(
            f"{path.name} has pickled weights, which can run code when they are opened, so they "
            "were not. Save it again as .safetensors (save_pretrained does)."
        )
    raise BadModel(f"{path.name} has no weights: {WEIGHTS} is missing.")


def normalization(path: Path) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and spread of the pixels. Raises BadModel."""
    name = next((pixel for pixel in PIXELS if (path / pixel).is_file()), PIXELS[0])
    json = read_json(path / name, "how pixels are normalized")
    json = json.get("image_processor") or json
    if not isinstance(json, dict):
        raise BadModel(f"{name} in {path.name} does not say how pixels are normalized.")
    mean, std = json.get("image_mean"), json.get("image_std")
    if not is_color(mean) or not is_color(std) or min(std) <= 0:
        raise BadModel(f"{name} in {path.name} does not say how pixels are normalized.")
    return tuple(map(float, mean)), tuple(map(float, std))


def is_color(color: Any) -> TypeGuard[Sequence[float]]:
    """Whether it is a number for each of three colors."""
    return (
        isinstance(color, Sequence)
        and len(color) == COLORS
        and all(isinstance(number, int | float) and isfinite(number) for number in color)
    )


def header(file: Path) -> tuple[bytes, int]:
    """What a .safetensors file says of its tensors, and how many numbers they hold together.

    Raises:
        BadModel: it is no such file, or describes more than it holds.
    """
    size, damaged = file.stat().st_size, f"{file.name} in {file.parent.name} is damaged or not "
    damaged += "complete: download it again."
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        raw = stream.read(length) if 0 < length <= min(4 * MOST_WORDS, size) else b""
    try:
        tensors = [
            entry
            for name, entry in foreign_text.read_json(raw, 4 * MOST_WORDS).items()
            if name != "__metadata__"
        ]
        end = max((entry["data_offsets"][1] for entry in tensors), default=0)
        numbers = sum(prod(entry["shape"]) for entry in tensors)
        is_consistent = (
            end + 8 + length == size and 0 <= numbers <= 8 * size
        )  # 1 bit a number at least
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise BadModel(damaged) from error
    if not is_consistent:
        raise BadModel(damaged)
    return raw, numbers


def sample(file: Path, take: Any, parts: int = 64, length: int = 4096) -> None:
    """Some bytes from all over a file: to read all of a large one would take a minute."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        for part in range(parts):
            stream.seek(size * part // parts)
            take(stream.read(length))
