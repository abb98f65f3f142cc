"""The networks that weigh the tiles of a large image: they learned from bags of made sections.

`python -m engine weights section-networks` trains them again: max pooling, mean pooling, ABMIL and
both students of MHIM-MIL, each at its usual settings. They read what EfficientNet-Lite0 makes of a
tile. Weights are kept in 16 bits and rounded before anything is measured.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from engine.attribution.mhim.bags import BagArrays
from engine.attribution.mhim.case import BagsCase
from engine.attribution.mhim.methods import ABMIL, MHIM, MHIM2, POOLINGS, BagMining, recipe
from engine.attribution.mhim.mining import bag_network, learn
from engine.attribution.mhim.network import ATTENTION, BagNetwork
from engine.attribution.mhim.scores import evaluate_bags, figures
from engine.attribution.mhim.sections import CLASSES, SectionBags
from engine.core.errors import BadModel
from engine.core.keeping.store import write_atomic
from engine.core.method import Progress, part_of, quiet
from engine.vision.models.catalog import DEFAULT, load
from engine.vision.models.classifier import Classifier
from engine.vision.models.embedded import FOLDER, file_of, rounded

NAME = "section-networks"
BAGS = SectionBags()
STUDENTS: Mapping[str, BagMining] = {method.title: method() for method in (MHIM, MHIM2)}
NETWORKS = (*POOLINGS, *STUDENTS)
LEFT_OUT = "recycling."  # weights of what is used in training alone


@dataclass(frozen=True, eq=False)
class SectionNetworks:
    """The networks by name, and what they were made with.

    Args:
        networks: each takes features (B, N, D), divided by `spread`.
        spread: of the features that they learned from.
        reader: fingerprint of the network whose features they read.
        title: of that network.
        figures: on test bags, by network and measure.
    """

    networks: Mapping[str, BagNetwork]
    spread: float
    reader: str
    title: str
    figures: Mapping[str, Mapping[str, float]]


def train_networks(
    case: BagsCase, bags: BagArrays, progress: Progress = quiet
) -> Mapping[str, Classifier]:
    """Every network, trained on the training bags; the seed is that of the case."""
    results: dict[str, Classifier] = {}
    for at, name in enumerate(NETWORKS):
        method = STUDENTS.get(name)
        how = None if method is None else method.mining()
        part = part_of(progress, at / len(NETWORKS), (at + 1) / len(NETWORKS), lead=name)
        results[name] = learn(
            case,
            bags,
            recipe(MHIM().epochs),
            POOLINGS.get(name, ATTENTION),
            how,
            results[ABMIL] if how else None,
            progress=part,
        ).model
    return results


def network_figures(
    models: Mapping[str, Classifier], bags: BagArrays
) -> dict[str, dict[str, float]]:
    """Figures of each network on the test bags."""
    rows = bags.slides.rows("test")
    return {
        name: {
            what: round(value, 4)
            for what, value in figures(evaluate_bags(model, bags, rows), bags, rows).items()
        }
        for name, model in models.items()
    }


def retrain(
    folder: Path = FOLDER, seed: int = 0, progress: Progress = quiet
) -> tuple[Path, Mapping[str, Mapping[str, float]]]:
    """Train them and write their file. Raises OSError where it cannot be written."""
    reader = load(DEFAULT)
    case, bags = SectionBags(seed=seed).read(reader, part_of(progress, 0.0, 0.7))
    models = train_networks(case, bags, part_of(progress, 0.7, 1.0))
    tensors: dict[str, Tensor] = {}
    for name, model in models.items():
        rounded(model)
        weights = bag_network(model).state_dict().items()
        tensors |= {
            f"{name}/{key}": tensor.half()
            for key, tensor in weights
            if not key.startswith(LEFT_OUT)
        }
    result = network_figures(models, bags)
    about = {
        "bags": case.data.name,
        "seed": seed,
        "spread": bags.spread,
        "figures": result,
        "reader": reader.fingerprint,
        "title": reader.title,
        "settings": {title: repr(how) for title, how in STUDENTS.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = file_of(NAME, folder)
    write_atomic(path, save_tensors(tensors, metadata={"blindspot": json.dumps(about)}))
    path.chmod(0o644)  # what ships is for everybody to read
    return path, result


@cache
def shipped_networks() -> SectionNetworks:
    """The networks that ship; they are read once. Raises BadModel when their file is damaged."""
    path = file_of(NAME)
    try:
        with safe_open(path, framework="pt") as weights_file:
            about = json.loads(weights_file.metadata()["blindspot"])
            tensors = {key: weights_file.get_tensor(key).float() for key in weights_file.keys()}  # noqa: SIM118
        networks = {name: network(name, tensors) for name in NETWORKS}
    except (OSError, SafetensorError, RuntimeError, KeyError) as error:
        raise BadModel(f"The weights {path.name} cannot be read: {error}.") from error
    return SectionNetworks(
        networks, about["spread"], about["reader"], about["title"], about["figures"]
    )


def network(name: str, tensors: Mapping[str, Tensor]) -> BagNetwork:
    """One of the networks, with its weights."""
    weights = {
        key.split("/")[1]: tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")
    }
    width = weights["embed.weight"].shape[1]
    model = BagNetwork(
        width,
        len(CLASSES),
        POOLINGS.get(name, ATTENTION),
        nn.Identity(),
        torch.Generator().manual_seed(0),
    )
    model.load_state_dict(weights)
    return model.eval()
