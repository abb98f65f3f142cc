"""The chain of experts of a few single images, expert by expert (TLC)."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from engine.anomaly.tlc.experts import EvidenceChain, Experts, chain
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Table
from engine.vision.data import DataSet, Rows
from engine.vision.models.classifier import Classifier
from engine.vision.models.threads import one_thread
from engine.vision.training import outputs

LIMIT = "next expert engaged above"
TINY = 1e-300  # below which nothing is told apart


def evidence(model: Classifier, data: DataSet, rows: Rows) -> EvidenceChain:
    """What the experts of a network make of some images."""
    network = model.network
    assert isinstance(network, Experts)  # noqa: S101 - the caller trained them
    with torch.no_grad(), one_thread():
        pixels = data.pixels(rows).to(model.device)
        expert_logits = [logits.cpu() for logits in network.each((pixels - model.mean) / model.std)]
    return chain(expert_logits)


def chains(
    model: Classifier, data: DataSet, rows_by_name: Mapping[str, int], context: Rows, least: float
) -> Result:
    """Views of a few images: chain, a row for each image and expert; left; examples.

    Args:
        model: experts.
        data: has the images.
        rows_by_name: the row of each image, by what it is called.
        context: rows of the images among which they are judged.
        least: share of the most that any image beside it leaves, from which on an image engages
            the next expert.

    `chain` has belief in the answer, belief in other classes and vacuity, which add up to 1, the
    conflict with the expert before, and whether the expert is engaged: an image that does not
    engage one engages none after it. (The shares in TLC's table count each expert by itself, see
    `shares_engaged`, and can be larger.) `left` has the power of ten of what is left at the start
    and after each expert, and that which an image needs to engage the next.
    """
    rows = np.array(list(rows_by_name.values()), np.int64)
    result = evidence(model, data, rows)
    answers = outputs(model, data, rows).argmax(1).numpy()
    # among many images: alone, an image is its own largest and would engage every expert
    largest = [float(remainder.max()) for remainder in evidence(model, data, context).left]
    left = np.stack([remainder.numpy() for remainder in result.left])  # (experts + 1, n)
    limits = least * np.array(largest)
    engaged = np.logical_and.accumulate(left[:-1] > limits[:-1, None])
    experts, positions = len(engaged), np.arange(len(rows))
    belief = np.stack(
        [expert_belief.numpy() for expert_belief in result.belief]
    )  # (experts, n, classes)
    answer_belief = belief[:, positions, answers]
    columns = {
        "belief in the answer": answer_belief,
        "belief in other classes": belief.sum(2) - answer_belief,
        "vacuity": np.stack([expert_vacuity.numpy() for expert_vacuity in result.vacuity]),
        "conflict": np.stack([expert_conflict.numpy() for expert_conflict in result.conflict]),
    }
    table = Table.of(
        {name: (column.T.ravel(), "share") for name, column in columns.items()}
        | {"engaged": (engaged.T.ravel().astype(np.int64), "")},
        [f"{name}, expert {at + 1}" for name in rows_by_name for at in range(experts)],
    )
    powers = {name: (power(left[:, at]), "") for at, name in enumerate(rows_by_name)}
    counts = engaged.sum(0)
    images = as_bytes(data.pixels(rows))
    return {
        "chain": table,
        "left": Table.of(
            {"experts": (np.arange(experts + 1), ""), **powers, LIMIT: (power(limits), "")}
        ),
        "examples": Pictures(
            images[None],
            ("",),
            tuple(rows_by_name),
            "The first test image of each kind, with the answer of all experts together.",
            captions=tuple(
                f"{data.classes[answer]}: {count} of {experts} experts"
                for answer, count in zip(answers, counts, strict=True)
            ),
        ),
    }


def power(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The powers of ten of some shares."""
    return np.asarray(np.log10(np.maximum(shares, TINY)))
