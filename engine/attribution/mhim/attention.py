"""Attention over a large image: what networks that learned from labeled sections look at in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.mhim.methods import ABMIL, MHIM
from engine.attribution.mhim.network import ATTENTION, BagNetwork
from engine.attribution.mhim.scores import recall, tile_auroc
from engine.attribution.mhim.section_networks import shipped_networks
from engine.attribution.mhim.sections import CLASSES
from engine.attribution.mhim.whole import KEY_SHARE, TileReading, WholeSlideCase
from engine.core.method import Case, Progress, defaults, quiet
from engine.core.result import Result, Table
from engine.vision.models.threads import one_thread

SAYS, KEY_RECALL, TILE_AUROC = "says a planted region", "key tiles found", "tile AUROC"
EQUAL = "× an equal share"
PLANTED = 1  # the class


@dataclass(frozen=True)
class TileAttention(TileReading):
    """What networks that learned which sections hold a planted region look at in a large image.

    Each was given bags of tiles of sections made here and one label for the bag, never a place.
    Plain attention (ABMIL) and the students of MHIM-MIL weigh the tiles by attention: 1 is what
    every tile has if all count alike, and the mean is 1. Of max and mean pooling a tile has the
    share of the class "a planted region" when it is classified by itself. The networks know only
    such sections. In an image of another kind the map shows what looks most like those regions
    to them, not what is diseased there; high attention is no reason and no probability.
    """

    name = "TileAttention"
    family = "attribution"
    title = "Attention over a large image"
    cost = "job"
    paper = MHIM.paper
    revision = 2
    proof = (
        "tests/engine/attribution/mhim/test_attention.py"
        "::test_attention_is_the_softmax_worked_out_by_hand_times_the_number_of_tiles"
    )
    example = defaults(tile=16)

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why the networks cannot read what the case's model makes of a tile, or ""."""
        if reason := super().unmet(case):
            return reason
        if isinstance(case, WholeSlideCase) and case.model.fingerprint != shipped_networks().reader:
            return (
                f"it needs {shipped_networks().title}, which the networks that ship learned to "
                "read."
            )
        return ""

    def __call__(self, case: WholeSlideCase, progress: Progress = quiet) -> Result:
        """Views: tiles, row by row, with a column for each network (NaN where blank) and the share
        of a planted region; networks, what each says of the image and how many key tiles it
        finds (NaN where they are not known)."""
        progress(0.0, "reading tiles")
        read, readers = self.read(case, progress), shipped_networks()
        features = (read.features / readers.spread)[None]
        key = (read.planted >= KEY_SHARE)[~read.blank][None]
        has_truth = not np.isnan(read.planted).all()
        scores: dict[str, tuple[NDArray[np.float32], str]] = {}
        columns: dict[str, list[float]] = {SAYS: [], KEY_RECALL: [], TILE_AUROC: []}
        for name, network in readers.networks.items():
            planted_probability, values = of_tiles(network, features)
            scores[name] = values, unit_of(network)
            columns[SAYS].append(planted_probability)
            all_tiles = np.ones_like(key)
            columns[KEY_RECALL].append(
                recall(values[None], key, all_tiles) if has_truth else np.nan
            )
            columns[TILE_AUROC].append(
                tile_auroc(values[None], key, all_tiles) if has_truth else np.nan
            )
        progress(1.0, "weighed")
        networks = Table.of(
            {what: (column, "share") for what, column in columns.items()}, list(scores)
        )
        return {"tiles": read.columns_with(scores), "networks": networks}

    def finding(self, case: WholeSlideCase, result: Mapping[str, Any]) -> str:  # noqa: ARG002
        """What the student of MHIM-MIL says of the image, and how many key tiles it finds."""
        return network_sentence(result, MHIM.title)


def network_sentence(result: Mapping[str, Any], own: str) -> str:
    """What one of the networks says of the image, and how many key tiles it finds."""
    table, networks = result["tiles"], result["networks"]
    says = f"{own} says “{CLASSES[PLANTED]}” with {100 * networks.cell(own, SAYS):.0f} %"
    key = (table["planted"] >= KEY_SHARE) & np.isfinite(table[own])
    if key.any():
        count = int(key.sum())
        other = ABMIL if own != ABMIL else MHIM.title
        hits = {name: round(count * networks.cell(name, KEY_RECALL)) for name in (own, other)}
        comparison = "plain attention's" if other == ABMIL else f"those of {other}"
        return (
            f"{says}; of {count} tiles in planted regions, {hits[own]} are among its {count} "
            f"strongest, {hits[other]} among {comparison}."
        )
    if not np.isnan(table["planted"]).all():
        return f"{says}; no tile lies in a planted region by a quarter: choose smaller tiles."
    most = float(np.nanmax(table[own]))
    if table.units[table.order.index(own)] == EQUAL:
        return f"{says}; its strongest tile has {most:.0f} times an equal share."
    return f"{says}; of its strongest tile by itself with {100 * most:.0f} %."


def unit_of(network: BagNetwork) -> str:
    """What one unit of a tile's score is."""
    return EQUAL if network.pooling == ATTENTION else "share of the class"


def of_tiles(network: BagNetwork, features: Tensor) -> tuple[float, NDArray[np.float32]]:
    """The chance of a planted region, and a score for each tile (N,), of features (1, N, D)."""
    with torch.inference_mode(), one_thread():
        reading = network.read(features)
        planted_probability = float(reading.logits.softmax(1)[0, PLANTED])
        if network.pooling == ATTENTION:
            values = reading.weights[0] * features.shape[1]
        else:
            values = network.head(reading.hidden)[0].softmax(-1)[:, PLANTED]
    return planted_probability, values.numpy().astype(np.float32)
