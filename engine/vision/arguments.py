"""Arguments that most cases have, and the fields that they name."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from engine.core.controls import Offers, Option, OtherArguments, Slider, Text, argument
from engine.core.errors import BadData, BadModel, BlindspotError
from engine.core.naming import Unknown, named_by
from engine.core.texts import near, settings_from
from engine.core.whole import whole_number
from engine.vision import data as data_sets
from engine.vision.data import DataSet
from engine.vision.models.catalog import data_of, lites, load, load_from_file, local_entries
from engine.vision.models.classifier import Classifier
from engine.vision.models.own_file import FILE_PREFIX
from engine.vision.training.recipe import Recipe


def seed_argument(help: str = "Of every random number: what changes with it is chance.") -> Any:
    """The seed of a case."""
    return argument(0, Slider(0, 2**32 - 1, 1), "Seed", help)


def data_options(arguments: OtherArguments) -> Iterator[Option]:
    """The data sets of `names`, or all of them, without settings and variants."""
    for name in arguments.get("names") or data_sets.names():
        yield Option(name, data_title(name) or name)


def learned_options(arguments: OtherArguments) -> Iterator[Option]:
    """The data that a model here has learned from; `own` has the titles of one's own, by name."""
    for name in dict.fromkeys(
        small_model.data for small_model in local_entries() if small_model.data
    ):
        if title := data_title(name, arguments.get("own", {})):
            yield Option(name, title)


def data_title(name: str, own: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a person calls data of that name; "" of another session's, or of what is no more."""
    try:
        return data_sets.title_of(name, own)
    except BlindspotError:
        return ""


def data_argument(default: str | None, help: str, options: Offers = data_options) -> Any:
    """A data set by name."""
    control = Text(off="what the model learned from", options=options)
    return argument(default, control, "Data", help)


def named_data(default: str, help: str = "A data set by name.") -> Any:
    """A data set by name, where nothing else says which."""
    return argument(default, Text(options=data_options), "Data", help)


KNOWN_RECIPE = "as trained"  # the recipe of a model that ships or was trained here


def recipe_argument(default: str, help: str) -> Any:
    """A recipe, as its settings that differ from the usual ones."""
    words = " Settings such as epochs=5,rate=0.1; nothing between the quotes is the usual recipe."
    return argument(default, Text(), "Recipe", help + words)


def recipe_from(text: str) -> Recipe:
    """The recipe of a text such as "epochs=5,rate=0.1". Raises BadSetting."""
    return Recipe(**settings_from(Recipe, text.split(",") if text else (), "A recipe"))


def training_data(name: str | None, model: Classifier) -> DataSet:
    """The data of that name, or what the model learned from. Raises BadData."""
    result = name or data_of(model)
    if not result:
        raise BadData(f"It is not known what {model.title} learned from: say which --data.")
    return data_sets.load(result)


def name_of(value: DataSet | Classifier) -> str:
    """What data or a model are called in a command."""
    return value.name


def model_options(arguments: OtherArguments) -> tuple[Option, ...]:
    """The models that are here without any download; beside data, those that learned from it."""
    result = (model for model in (*lites(), *local_entries()) if model.available)
    data = arguments.get("data")
    return tuple(
        Option(model.name, model.line.strip()) for model in result if data in {None, model.data}
    )


def model_argument(
    default: str, help: str = "A name from the list of models, or a timm architecture."
) -> Any:
    """A classifier by name."""
    return argument(default, Text(options=model_options), "Model", help)


WEIGHTS = argument(
    None,
    Text(off="those of the name"),
    "Weights",
    "A file of your own weights, .safetensors or .pt, for the architecture that --model names.",
)
LABELS = argument(
    None,
    Text(off="those of the model"),
    "Labels",
    "A file of class names for these weights, one a line or a JSON list.",
)


def classifier_field(default: str = "digits-cnn", *help: str) -> Any:
    """A classifier: by name, or an architecture with weights of one's own."""
    return named_by(
        partial(read_classifier, default=default),
        classifier_names,
        model=model_argument(default, *help),
        weights=WEIGHTS,
        labels=LABELS,
    )


def read_classifier(
    model: str, weights: str | None, labels: str | None, *, default: str = ""
) -> Classifier:
    """A classifier; weights of one's own cannot be for the model that is the default.

    Raises:
        BadModel: these do not go together, or the model cannot be loaded.
    """
    if weights is None:
        if labels is not None:
            raise BadModel("--labels go with --weights: a named model has its own.")
        return load(model)
    if model == default:
        raise BadModel("--weights need the architecture they are for: --model NAME.")
    return load_from_file(Path(weights), model, Path(labels) if labels else None)


def classifier_names(model: Classifier) -> dict[str, Any]:
    """What names a classifier; one from a file does not know where it lies."""
    if model.name.startswith(FILE_PREFIX):
        words = "This model comes from a file: say model=… (its architecture) and weights=…."
        return dict.fromkeys(("model", "weights"), Unknown(words))
    return {"model": model.name}


def class_options(arguments: OtherArguments) -> tuple[str, ...]:
    """The classes of the model, but for the one that is asked about already."""
    model = arguments.get("model")
    if isinstance(model, str):
        model = load(model)
    return (
        tuple(label for label in model.labels if label != arguments.get("target")) if model else ()
    )


def class_number(text: str, model: Classifier) -> int:
    """A class number, from itself or from the label or a part of it that only one label has."""
    if text.lstrip("-").isdecimal():
        index = whole_number(text)
        if index is None or index >= len(model.labels):
            last = len(model.labels) - 1
            raise BlindspotError(f"Class {text[:40]} is unknown: {model.title} has 0 to {last}.")
        return index
    lower = [label.lower() for label in model.labels]
    if text.lower() in lower:
        return lower.index(text.lower())
    parts = [index for index, label in enumerate(lower) if text.lower() in label]
    if text and len(parts) == 1:
        return parts[0]
    if text and parts:
        names = ", ".join(f"{index} {model.labels[index]}" for index in parts[:5])
        raise BlindspotError(f"{len(parts)} classes have {text[:40]!r} in their name: {names} …")
    raise BlindspotError(f"No class is called {text[:40]!r}.{near(text[:40].lower(), lower)}")
