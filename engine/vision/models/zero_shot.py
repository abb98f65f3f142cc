"""Zero-shot models of open_clip (MIT): the classes are words that the person types.

Such a model compares an image with texts. The texts of a list of words are embedded once and become
the last layer, so that what is left is an ordinary classifier: its logits are the cosine between
the image and each class times the model's own scale.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from engine.core.device import best_device
from engine.core.errors import BadModel
from engine.core.keeping.memory import Memory
from engine.core.keeping.store import home
from engine.vision.models.classifier import Classifier
from engine.vision.models.extras import CLIP
from engine.vision.models.hub import hub_answers, hub_known
from engine.vision.models.words import WordList

ZERO_SHOT = "open_clip:"  # how the name of such a model begins
SOURCE = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
KNOWN: Mapping[str, str] = {  # on the hub, by repository
    "laion/CLIP-ViT-B-32-laion2B-s34B-b79K": "CLIP ViT-B/32, LAION-2B",
    "laion/CLIP-ViT-B-16-laion2B-s34B-b88K": "CLIP ViT-B/16, LAION-2B",
}
LICENSE = "MIT"  # of these
ROOM = 2 * 2**30  # bytes of models with both towers
LISTS = 2**29  # bytes of what lists of words have of their own, for each model


@dataclass(frozen=True)
class Towers:
    """A model with its image and its text side, as open_clip built it, and its lists of words.

    Each list is a classifier over the same weights, so that it takes little room.
    """

    model: Any
    tokenizer: Any
    side: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    lists: Memory[Classifier] = field(init=False, repr=False)  # by their words

    def __post_init__(self) -> None:
        object.__setattr__(self, "lists", Memory(LISTS, self.own_bytes, grows=True))

    @property
    def nbytes(self) -> int:
        """Bytes of its weights."""
        return sum(
            parameter.numel() * parameter.element_size() for parameter in self.model.parameters()
        )

    def own_bytes(self, model: Classifier) -> int:
        """Bytes that a list of words holds beside the weights that all of them share."""
        places = {parameter.data_ptr() for parameter in self.model.visual.parameters()}
        shared = (parameter for parameter in model.parameters() if parameter.data_ptr() in places)
        return model.held_bytes - sum(tensor.numel() * tensor.element_size() for tensor in shared)


_towers: Memory[Towers] = Memory(ROOM, lambda towers: towers.nbytes)


def load_zero_shot(name: str) -> Classifier:
    """A model by its source and words, as `ask_words` puts them together.

    The weights of a source are held once; each list of words is made once, while there is room.

    Raises:
        BadModel: the words cannot be read, open_clip is not installed, the model cannot be had.
    """
    source, words = asked_words(name)
    if not CLIP.installed:
        raise BadModel(f"{title_of(source)} needs open_clip: {CLIP.install}, then start again.")
    towers = _towers.made(source, lambda: loaded(source))
    return towers.lists.made(words.as_text(), lambda: classifier_of(source, towers, words))


def classifier_of(source: str, towers: Towers, words: WordList) -> Classifier:
    """The image side with the words' texts as its last layer."""
    texts = embedded_words(towers, words)
    scale = towers.model.logit_scale.detach().exp()
    bias = getattr(towers.model, "logit_bias", None)
    network = ZeroShot(
        shallow_copy(towers.model.visual), scale * texts, None if bias is None else bias.detach()
    )
    title = f"{title_of(source)} ({len(words.words)} words)"
    model = Classifier(
        network,
        ask_words(source, words),
        title,
        towers.side,
        towers.mean,
        towers.std,
        labels=words.words,
    )
    model.typed = words != WordList()
    return model


def ask_words(source: str, words: WordList) -> str:
    """The name of a model with words of one's own."""
    return f"{ZERO_SHOT}{source}?{words.as_text()}"


def asked_words(name: str) -> tuple[str, WordList]:
    """Source and words of a name; the usual words where it has none. Raises BadModel."""
    source, _, words = name.removeprefix(ZERO_SHOT).partition("?")
    if not SOURCE.fullmatch(source) or ".." in source:
        raise BadModel(f"{source[:60]!r} is no model of open_clip: give a folder or a repository.")
    return source, WordList.of_text(words)


def title_of(source: str) -> str:
    """How a person calls a model, without its words."""
    return KNOWN.get(source, f"CLIP {source.rpartition('/')[2]}")


def own_folder() -> Path:
    """Where models can be put by hand, each in a folder with its configuration and weights."""
    return home() / "open_clip"


def folders() -> Iterator[str]:
    """The sources that were put there by hand."""
    place = own_folder()
    for path in sorted(place.iterdir()) if place.is_dir() else ():
        if (path / CONFIG).is_file() and SOURCE.fullmatch(path.name):
            yield path.name


def is_local(source: str) -> bool:
    """Whether a model's files are on this computer."""
    from huggingface_hub import try_to_load_from_cache

    if (own_folder() / source / CONFIG).is_file():
        return True
    return "/" in source and isinstance(try_to_load_from_cache(source, WEIGHTS), str)


def absence(source: str) -> str:
    """Why a model cannot be had, or "" when it can or might."""
    if not CLIP.installed:
        return CLIP.install
    if not is_local(source) and hub_known() is False:
        return "its weights would have to be downloaded, and the model hub cannot be reached"
    return ""


def loaded(source: str) -> Towers:
    """The model from its folder, or from the hub. Raises BadModel."""
    if not is_local(source) and not hub_answers():
        raise BadModel(
            f"{title_of(source)} needs weights from the model hub, which cannot be reached from "
            f"here: put a folder with {CONFIG} and {WEIGHTS} into Blindspot's folder open_clip."
        )
    import open_clip

    try:
        folder = f"local-dir:{folder_of(source)}"
        model = open_clip.create_model(folder, require_pretrained=True, pretrained_text=False)
        tokenizer = open_clip.get_tokenizer(folder)
        preprocessing = open_clip.get_model_preprocess_cfg(model)
    except Exception as error:  # open_clip, the hub's client and torch each raise their own
        first = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BadModel(f"{title_of(source)} could not be loaded: {first[:200]}") from error
    size = preprocessing["size"]
    sides = {size} if isinstance(size, int) else set(size)
    if len(sides) != 1:
        raise BadModel(f"{title_of(source)} does not see a square, as is needed: {size}.")
    model.eval().requires_grad_(requires_grad=False)
    model.visual.to(best_device())  # where every list of words takes it from
    return Towers(
        model, tokenizer, sides.pop(), tuple(preprocessing["mean"]), tuple(preprocessing["std"])
    )


def folder_of(source: str) -> Path:
    """Where the configuration and the weights lie, downloaded if need be."""
    from huggingface_hub import hf_hub_download

    folder = own_folder() / source
    if folder.is_dir():
        return folder
    hf_hub_download(source, WEIGHTS)
    return Path(hf_hub_download(source, CONFIG)).parent


def embedded_words(towers: Towers, words: WordList) -> Tensor:
    """The texts of each class (classes, D), of length 1: the mean over the prompts, as in CLIP."""
    import open_clip

    def filled(prompt: str) -> Any:
        return lambda word: prompt.replace("{}", word)

    result: Tensor = open_clip.build_zero_shot_classifier(
        towers.model, towers.tokenizer, words.words, [filled(prompt) for prompt in words.prompts]
    )
    return result.T.contiguous()


def shallow_copy(visual: nn.Module) -> nn.Module:
    """A copy with hooks and parameters of its own over the same numbers in memory."""
    same = {
        id(parameter): nn.Parameter(parameter.detach(), requires_grad=False)
        for parameter in visual.parameters()
    }
    return deepcopy(visual, same)


class ZeroShot(nn.Module):
    """The image side, and a last layer made of texts (classes, D)."""

    unfolded = ("visual", "visual.transformer", "visual.trunk")  # see `layers.blocks`

    def __init__(self, visual: Any, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.visual = visual
        self.head = nn.Linear(weight.shape[1], len(weight), bias=bias is not None)
        with torch.no_grad():
            self.head.weight.copy_(weight)
            if bias is not None:
                self.head.bias.copy_(bias.expand(len(weight)))
        trunk = getattr(visual, "trunk", None)
        if trunk is not None:  # of timm
            grid: Sequence[int] | None = getattr(
                getattr(trunk, "patch_embed", None), "grid_size", None
            )
            self.patch_embed = SimpleNamespace(grid_size=grid)
            self.num_prefix_tokens = getattr(trunk, "num_prefix_tokens", 0)
            self.global_pool = getattr(trunk, "global_pool", "")
        elif hasattr(visual, "grid_size"):
            self.patch_embed = SimpleNamespace(grid_size=visual.grid_size)
            self.num_prefix_tokens = 1
            self.global_pool = "token" if visual.pool_type == "tok" else visual.pool_type

    def forward(self, images: Tensor) -> Tensor:
        """Cosines times the scale (N, classes)."""
        embedding = self.visual(images)
        if isinstance(embedding, tuple):  # some give their tokens too
            embedding = embedding[0]
        # the texts have length 1 already, times the scale
        logits: Tensor = self.head(F.normalize(embedding, dim=-1))
        return logits
