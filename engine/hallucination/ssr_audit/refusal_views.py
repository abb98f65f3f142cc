"""What an audit of a refusal shows beside its figures, with the network of the first seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.core.result import Pictures, Table
from engine.hallucination.ssr_audit.audited import Audited
from engine.hallucination.ssr_audit.directions import cosines, part_shares, separations, states_of
from engine.hallucination.ssr_audit.examined import CAUSES, Examined
from engine.hallucination.ssr_audit.free import gradient_answers
from engine.hallucination.ssr_audit.losses import Goal
from engine.hallucination.ssr_audit.network import HEADS, LAYERS
from engine.hallucination.ssr_audit.questions import DECLINE, EncodedQuestions, note_of
from engine.hallucination.ssr_audit.rerouting import Rerouted

BINS, BAR, TALL = 40, 4, 120  # bars of a histogram, px of each, px of a picture
INKS = {True: (184, 79, 0), False: (0, 114, 178)}  # declined, answered
PAPER_GRAY, LINE = 246, 120
RHOS = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
DECLINED, ANSWERED, WAY = "declined", "answered", "one question, rerouted"


def layer_names(count: int) -> tuple[str, ...]:
    """Of so many states: the embedding, and after each layer."""
    return ("embedding", *(f"layer {at}" for at in range(1, count)))


def layer_projections(examination: Examined[Any]) -> Pictures:
    """For each layer, how declined questions (up) and answered ones (down) lie along v_l."""
    along = examination.spaces.projections(examination.states).cpu().double().numpy()
    accuracies, middle = examination.accuracies, examination.middle
    declined = examination.tests.declined.cpu().numpy()
    images = np.stack([mirrored(row[declined], row[~declined]) for row in along])
    shares = [f"probe right: {100 * right:.0f} %" for right in accuracies]
    return Pictures(
        images[None],
        ("",),
        layer_names(len(along)),
        f"Declined questions (up, orange) and answered ones (down, blue) along the direction of "
        f"each layer: mixed at the embedding (probe {100 * accuracies[0]:.0f} % right), parted "
        f"in layer {middle} ({100 * accuracies[middle]:.0f} %).",
        captions=tuple(shares),
    )


def mirrored(far: NDArray[np.float64], near: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Two histograms over one axis, the first upward and the second downward, (H, W, 3)."""
    reach = max(float(np.abs(np.concatenate([far, near])).max()), 1e-6) * 1.05
    image = np.full((TALL, BINS * BAR, 3), PAPER_GRAY, np.uint8)
    middle = TALL // 2
    for values, up in ((far, True), (near, False)):
        counts = np.histogram(values, BINS, (-reach, reach))[0]
        heights = np.ceil(counts / max(counts.max(), 1) * (middle - 6)).astype(int)
        for at, height in enumerate(heights):
            rows = slice(middle - height, middle) if up else slice(middle + 1, middle + 1 + height)
            image[rows, at * BAR : (at + 1) * BAR - 1] = INKS[up]
    image[middle] = LINE
    image[:, BINS * BAR // 2] = LINE
    return image


def layer_measures(examination: Examined[Any], causes: Mapping[str, list[float]]) -> Table:
    """Probes, distances and what edits do, a row for the embedding and each layer."""
    along = examination.spaces.projections(examination.states)
    nothing = [float("nan")]
    columns = {
        "layer": (np.arange(len(along)), ""),
        "probe right": (np.array(examination.accuracies), "share"),
        "Cohen's d": (separations(along, examination.tests.declined), ""),
        "cosine with the layer before": (
            np.concatenate([nothing, cosines(examination.spaces.directions)]),
            "",
        ),
    }
    edits = {name: (np.array(nothing + causes[name]), "share") for name in CAUSES}
    return Table.of({**columns, **edits}, layer_names(len(along)))


def written_by(audit: Audited) -> Table:
    """How much more each head and MLP writes along the last direction where it declines."""
    parts = part_shares(audit.net, audit.tests, audit.spaces.directions[-1])
    names = [*(f"head {at}" for at in range(1, HEADS + 1)), "MLP"]
    columns = {name: (parts[:, at], "") for at, name in enumerate(names)}
    return Table.of(columns, layer_names(1 + LAYERS)[1:])


def one_path(subject: Audited, prompts: EncodedQuestions, search: Rerouted) -> Table:
    """The plane of v_l and the first component across it: both clouds, and one question's path.

    It is that of the first question that is answered in the end; of the first one where none is.
    """
    layer = subject.middle
    direction, states = subject.spaces.directions[layer], subject.states[layer]
    rest = states - (states @ direction)[:, None] * direction
    # v_l is taken out of every row, so the first component is at a right angle to it
    across = np.linalg.svd((rest - rest.mean(0)).double().numpy(), full_matrices=False)[2][0]
    row = int(search.flipped.int().argmax())
    notes = search.paths[:, row]
    steps = [0, *(at for at in range(1, len(notes)) if not notes[at].equal(notes[at - 1]))]
    path = prompts.take(torch.full((len(steps),), row)).noted(notes[steps])
    state = states_of(subject.net, path)[layer]
    middle = float(subject.spaces.middles[layer])
    declined = subject.tests.declined.tolist()
    all_states = np.concatenate([states.numpy(), state.numpy()])
    names = [DECLINED if is_declined else ANSWERED for is_declined in declined] + [WAY] * len(steps)
    sentences = [""] * len(declined) + [" ".join(note_of(ids)) for ids in path.ids]
    return Table.of(
        {
            "along": (all_states @ direction.numpy() - middle, ""),
            "across": ((all_states - states.mean(0).numpy()) @ across, ""),
        },
        names,
        sentences,
    )


def free_moves(
    audit: Audited, prompts: EncodedQuestions, goals: Mapping[str, Goal], steps: int, words: int
) -> Table:
    """Answers of declined questions by how far the note's embeddings may move, by goal."""
    columns = {"ρ": (np.array(RHOS), "")}
    for name, goal in goals.items():
        predictions = [
            gradient_answers(audit.net, prompts, goal, rho, steps, words) for rho in RHOS
        ]
        flips = [(row != DECLINE).float().mean().item() for row in predictions]
        right = [(row == prompts.fact).float().mean().item() for row in predictions]
        columns[name] = np.array(flips), "share"
        columns[f"{name}: right fact"] = np.array(right), "share"
    return Table.of(columns)
