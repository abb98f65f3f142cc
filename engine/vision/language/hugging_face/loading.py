"""From a folder or the hub to a model: which are here, which could be had, and what it takes."""

import gc
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from weakref import ref

import torch

from engine.core.device import best_device, free_memory, release_cache
from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.core.keeping.store import home
from engine.vision.language.hugging_face.attention import NAME, register
from engine.vision.language.hugging_face.families import FAMILIES
from engine.vision.language.hugging_face.folder import CONFIG, ModelFolder, inspect_folder
from engine.vision.language.hugging_face.model import HuggingFaceVLM
from engine.vision.language.hugging_face.tongue import PromptTokenizer
from engine.vision.models.extras import TRANSFORMERS
from engine.vision.models.hub import hub_answers, hub_known

PREFIX = "hf:"  # how the name of such a model begins
SOURCE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
KNOWN: Mapping[str, tuple[str, float]] = {  # on the hub, by repository; about so many weights
    "HuggingFaceTB/SmolVLM-256M-Instruct": ("SmolVLM 256M", 0.26e9),
    "Qwen/Qwen2-VL-2B-Instruct": ("Qwen2-VL 2B", 2.2e9),
    "llava-hf/llava-1.5-7b-hf": ("LLaVA-1.5 7B", 7.1e9),
}
FILE_PATTERNS = ("*.json", "*.safetensors", "*.model", "*.txt")  # of a repository; nothing pickled
SPARE = 1.25  # memory beside the weights, as a factor: activations, the cache, attention
MODELS_CACHED = 1  # model at a time


@dataclass(frozen=True)
class VLMEntry:
    """A model that could be asked: by which name, and why not where that is so.

    Args:
        name: in links.
        title: as a person calls it.
        here: whether its files are on this computer.
        missing: why it cannot be had; "" when it can or might.
    """

    name: str
    title: str
    here: bool
    missing: str


_memory: Memory[HuggingFaceVLM] = Memory(MODELS_CACHED)
_turn = Lock()  # one model is loaded at a time: two would count the same memory as free


def own_folder() -> Path:
    """Where models can be put by hand, each in a folder of its own."""
    return home() / "hugging_face"


def folders() -> Iterator[str]:
    """The models that were put there."""
    place = own_folder()
    try:
        results = [path.name for path in sorted(place.iterdir()) if path.is_dir()]
    except OSError:  # there is none, or it may not be read
        return
    yield from filter(SOURCE.fullmatch, results)


def entries() -> Iterator[VLMEntry]:
    """What lies in the folder, and some of the hub's."""
    for source in (*folders(), *KNOWN):
        result = local_folder(source) is not None
        yield VLMEntry(f"{PREFIX}{source}", title_of(source), result, absence(source))


def title_of(source: str) -> str:
    """As a person calls it."""
    return KNOWN[source][0] if source in KNOWN else source.rpartition("/")[2]


def local_folder(source: str) -> Path | None:
    """The folder of a model whose files are on this computer."""
    from huggingface_hub import try_to_load_from_cache

    try:
        if (folder := own_folder() / source).is_dir():
            return folder
        result = try_to_load_from_cache(source, CONFIG) if "/" in source else None
    except (OSError, ValueError):  # it may not be read, or is no name of the hub
        return None
    return Path(result).parent if isinstance(result, str) else None


def absence(source: str) -> str:
    """Why a model cannot be had, or "" when it can or might."""
    if not TRANSFORMERS.installed:
        return f"it needs the library transformers: {TRANSFORMERS.install}, then start again"
    place = local_folder(source)
    if place is None and hub_known() is False:
        return "its weights would have to be downloaded, and the model hub cannot be reached"
    title, numbers = KNOWN.get(source, (source, 0.0))
    try:
        folder = None if place is None else inspect_folder(place)
        if folder is None or _memory.get(kept_as(source, folder)) is None:
            kind_of_number(title, numbers if folder is None else folder.numbers)
    except BadModel as error:
        return str(error)
    return ""


def kept_as(source: str, folder: ModelFolder) -> str:
    """By which a loaded model is kept: a folder may have changed since."""
    return f"{source}|{folder.fingerprint}"


def load(name: str) -> HuggingFaceVLM:
    """A model by name, kept while no other is asked for.

    Raises:
        BadModel: no such model, or why it cannot be had.
    """
    source = name.removeprefix(PREFIX)
    if not SOURCE.fullmatch(source) or ".." in source:
        raise BadModel(f"{source[:60]!r} is no model: give a folder's name or a repository's.")
    if why := absence(source):
        raise BadModel(f"{title_of(source)} cannot be asked: {why}")
    folder = inspect_folder(place_of(source))

    def make() -> HuggingFaceVLM:
        with _turn:
            return built(name, folder, precision_for(folder))

    return _memory.made(kept_as(source, folder), make)


def precision_for(folder: ModelFolder) -> torch.dtype:
    """The kind of number that fits when the loaded model has made room.

    Another visitor's job may still hold that model: then it takes its memory, and stays.

    Raises:
        BadModel: too little memory.
    """
    let_go = [
        (name, ref(cached)) for name in _memory.names() for cached in [_memory.get(name)] if cached
    ]
    _memory.clear()
    gc.collect()
    release_cache(best_device())
    try:
        return kind_of_number(folder.path.name, folder.numbers)
    except BadModel:
        for name, model in let_go:
            if (loaded := model()) is not None:
                _memory.put(name, loaded)
        raise


def place_of(source: str) -> Path:
    """Where the files lie, downloaded if need be. Raises BadModel."""
    if place := local_folder(source):
        return place
    if "/" not in source or not hub_answers():
        raise BadModel(
            f"{title_of(source)} is not here, and the model hub cannot be reached: put a folder "
            "with its files into Blindspot's folder hugging_face."
        )
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(source, allow_patterns=list(FILE_PATTERNS)))
    except Exception as error:  # the hub's client raises kinds of its own
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"{title_of(source)} could not be downloaded: {first[:200]}") from error


def kind_of_number(title: str, numbers: float) -> torch.dtype:
    """Weights in 32 bits where they fit, else in 16. Raises BadModel: too little memory.

    A loaded model counts as free, since it makes room for the next.
    """
    models = (_memory.get(name) for name in _memory.names())
    free = free_memory(best_device()) + sum(model.nbytes for model in models if model)
    for kind in (torch.float32, torch.bfloat16):
        if numbers * kind.itemsize * SPARE <= free:
            return kind
    need = numbers * torch.bfloat16.itemsize * SPARE
    raise BadModel(
        f"{title} needs about {need / 2**30:.1f} GB of memory, and {free / 2**30:.1f} GB are free: "
        "choose a smaller model."
    )


def built(name: str, folder: ModelFolder, precision: torch.dtype) -> HuggingFaceVLM:
    """The model of a folder. Raises BadModel."""
    import transformers

    register()
    called = folder.path.name
    builder: Any = getattr(transformers, FAMILIES[folder.kind].builder)
    try:
        with torch.device("meta"):
            parameters_needed = sum(
                parameter.numel() for parameter in builder(of_config(folder)).parameters()
            )
    except Exception as error:  # the library and its parts raise what they like
        raise not_loaded(called, error) from error
    if parameters_needed > 2 * folder.numbers:
        raise BadModel(
            f"{called} lacks weights: its files hold {folder.numbers:,} numbers and its "
            f"configuration asks for {parameters_needed:,}."
        )
    try:
        network, loading_info = builder.from_pretrained(
            folder.path,
            dtype=precision,
            attn_implementation="eager",
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
        tokenizer, *more = (
            transformers.AutoTokenizer.from_pretrained(
                folder.path / part, local_files_only=True, trust_remote_code=False
            )
            for part in ("", *FAMILIES[folder.kind].folders)
        )
    except Exception as error:
        raise not_loaded(called, error) from error
    odd = sorted(map(str, [*loading_info["missing_keys"], *loading_info["mismatched_keys"]]))
    if odd:
        raise BadModel(
            f"The weights of {called} do not fit its configuration: {len(odd)} tensors are missing "
            f"or of another shape, for example {odd[0][:80]!r}."
        )
    network.eval().requires_grad_(requires_grad=False).to(best_device())
    family = FAMILIES[folder.kind](network, more)
    family.decoder.set_attn_implementation(NAME)
    prompt_tokenizer = PromptTokenizer(tokenizer, family)
    digits = str(precision).removeprefix("torch.")  # by free memory: answers differ by it
    return HuggingFaceVLM(
        family,
        prompt_tokenizer,
        name,
        title_of(name.removeprefix(PREFIX)),
        f"{folder.fingerprint}-{digits}",
        folder.mean,
        folder.std,
    )


def not_loaded(called: str, error: Exception) -> BadModel:
    """What to say of a model that the library could not load."""
    message = " ".join(str(error).split()) or type(error).__name__
    return BadModel(f"{called} could not be loaded: {message[:200]}")


def of_config(folder: ModelFolder) -> Any:
    """The configuration, as the library reads it."""
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(folder.path, local_files_only=True, trust_remote_code=False)
