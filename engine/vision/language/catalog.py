"""The vision-language models that can be asked, by name, and the field of a case that is one."""

from collections.abc import Callable, Mapping
from itertools import starmap
from typing import Any

from engine.core.controls import Choice, Option, Text, argument
from engine.core.errors import BadData
from engine.core.naming import named_by
from engine.vision.data.sprites import HABITS
from engine.vision.language.hugging_face import loading
from engine.vision.language.tiny_vlm import weights
from engine.vision.language.tiny_vlm.model import TinyVLM
from engine.vision.language.vlm import VLM
from engine.vision.models.extras import TRANSFORMERS

SCENE_KINDS = {
    "counter": "A leader without its partner",
    "biased": "Partners together, as learned",
    "broken": "Each as it likes",
    "dense": "Crowded",
    "ood": "A place never seen",
}


def shipped_models() -> dict[str, str]:
    """The models that ship, name to title; the one with the habit first."""
    return {name: weights.TITLES[name] for name in weights.names()}


def models() -> dict[str, str]:
    """The models that can be asked, name to title: those that ship, then one's own."""
    if not TRANSFORMERS.installed:
        return shipped_models()
    return shipped_models() | {
        entry.name: entry.title for entry in loading.entries() if not entry.missing
    }


def model(name: str) -> VLM:
    """A model by name. Raises BadModel."""
    if name.startswith(loading.PREFIX):
        return loading.load(name)
    return weights.load(name)


def shipped_model(name: str) -> TinyVLM:
    """A model that ships. Raises BadData for one's own before it is loaded: it takes minutes."""
    if name.startswith(loading.PREFIX):
        title = loading.title_of(name.removeprefix(loading.PREFIX))
        raise BadData(f"{title} is asked about one picture; scenes are for TinyVLM.")
    return weights.load(name)


def kind_argument() -> Any:
    """A kind of scene."""
    pairs = ", ".join(f"{leader} and {follower}" for leader, follower in HABITS.items())
    return argument(
        "broken",
        Choice(tuple(SCENE_KINDS), titles=SCENE_KINDS),
        "Kind of scene",
        f"In the scenes that the models learned, some things mostly come together: {pairs}.",
    )


def vlm_field(
    read: Callable[[str], VLM] = model, offered: Callable[[], Mapping[str, str]] = models
) -> Any:
    """A vision-language model by name; `offered` gives the titles by name."""
    return named_by(
        read,
        lambda vlm: vlm.name,
        model=argument(
            weights.HABIT,
            Text(options=lambda _: starmap(Option, offered().items())),
            "Model",
            "All TinyVLMs learned the same scenes. The honest one learned nothing else. The others "
            "then read captions that name a thing's usual partner although it is not there. With "
            "the habit of seeing, a yes hangs on the partner that is to be seen, not on the word "
            "that is asked. The long-winded one describes each thing in a sentence of its own.",
        ),
    )
