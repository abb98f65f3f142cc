"""Which prototypes speak for the answer to one image, which against it, and what would flip it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.attribution.cbc.attack import AttackBudget
from engine.attribution.cbc.case import PrototypeCase
from engine.attribution.cbc.learning import PAPER, Learns, in_doubles, inner_network, leads
from engine.attribution.cbc.network import (
    PrototypeNetwork,
    component_maxima,
    crop,
    learned_images,
    prototype_name,
)
from engine.attribution.cbc.networks import DEEP, INDEFINITE, RBF, PatchComponents, Shallow
from engine.core.errors import BlindspotError
from engine.core.method import Progress, Slider, defaults, part_of, quiet, setting
from engine.core.pictures import as_bytes
from engine.core.result import Pictures, Result, Scores, Table, View
from engine.core.run import answer
from engine.vision.models.classifier import Classifier

AGREE = ("seen, as wanted", "not seen, as wanted")
DISAGREE = ("seen, but unwanted", "not seen, but wanted")
PARTS = (*AGREE, *DISAGREE)
POSITIVE_PARTS, NEGATIVE_PARTS = (PARTS[0], PARTS[3]), (PARTS[1], PARTS[2])  # wanted, unwanted
LEFT_OUT = "indefinite: left out"  # of the older CBC, beside PARTS
LEVEL = 1e-6  # a certified radius below which two classes are level
PICTURED_PROTOTYPES = 6  # prototypes in the picture and in bars of their own
REST = "all others"
OTHERS, ALL = "others, mean", "all, mean"
PLACES = 25  # radii at which the lead is bounded and attacked
FAR = 5.0  # times the certified radius, as far as the attack goes
BLANK = "All pixels are alike, so that an answer means nothing. "
AMPLIFIED = 2  # times, in the picture of the difference

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Prototypes(Learns[PrototypeCase]):
    """The answer to one image as a sum over prototypes, and how far the image is from another one.

    A class wants to see some prototypes and wants not to see others. Four parts sum to one: what is
    seen as wanted and what is not seen as wanted are its score; what is seen but unwanted and what
    is not seen but wanted are what it lacks. The score is a probability of agreement with one
    class: scores of all classes do not sum to one. The certificate is a proof that no image within
    that distance has another answer. The attack knows the network and looks for the nearest image
    that has; between the two lies what is not known.
    """

    name = "Prototypes"
    family = "attribution"
    title = "Prototypes for and against the answer"
    cost = "wait"
    paper = PAPER
    proof = (
        "tests/engine/attribution/cbc/test_reasons.py"
        "::test_the_parts_are_the_formula_written_out_and_sum_to_one"
    )
    example = defaults(components=6, epochs=3, tries=1)
    argument_defaults = defaults(data="mnist-5k")

    tries: int = setting(
        5, Slider(1, 20, 1), "Tries of the attack", "How many starts it has at each distance."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reasoning == RBF:
            raise BlindspotError(
                "The weights of the RBF network are free: its answer has no parts that sum to one. "
                "Choose another reasoning."
            )

    def __call__(self, case: PrototypeCase, progress: Progress = quiet) -> Result:
        """Views: outcome, scores, parts, picture, changes; of the shallow form, margins and flip.

        Parts: for each prototype how far it is seen and PARTS, those that the answer looks at most
        first; "rival parts" are those of the class that comes second. Changes: for each prototype
        alone, what it would have to be seen as for the rival to win, NaN where that alone cannot.
        Margins: the lead by distance, as proved and as the attack has it.
        """
        learner = PrototypeNetwork(**self.learned_as())
        result = answer(learner, case.learned, part_of(progress, 0.0, 0.7))
        model = self.restored(result["network"], case.data)
        with torch.no_grad():
            exact = in_doubles(model)
            detections = exact.detections(case.pixels.double())[0]
            plus, minus = exact.head.reasons()
        scores = detections @ (plus - minus) + minus.sum(0)
        winner, rival = (int(index) for index in scores.topk(2).indices)
        winner_parts, rival_parts = (
            reason_table(detections, plus, minus, label) for label in (winner, rival)
        )
        progress(0.75, "compared with the prototypes")
        views: dict[str, View] = {
            "scores": Scores(scores.float().numpy(), case.data.classes, "share"),
            "parts": winner_parts,
            "picture": self.picture(case, model, winner_parts),
            "rival parts": rival_parts,
            "rival picture": self.picture(case, model, rival_parts),
            "changes": changes(detections, plus - minus, scores, (winner, rival)),
        }
        ignored = float(exact.head.ignored()[winner])
        outcome: dict[str, float] = {
            "answer": winner,
            "rival": rival,
            "score": float(scores[winner]),
            "second": float(scores[rival]),
            "left out": ignored,
        }
        if self.network != DEEP:
            part = part_of(progress, 0.75, 1.0, "attacking")
            views |= self.attacked(case, model, outcome, part)
        columns = {name: ([value], "") for name, value in outcome.items()}
        progress(1.0, "explained")
        return {"outcome": Table.of(columns), **views}

    def picture(self, case: PrototypeCase, model: Classifier, parts: Table) -> Pictures:
        """The prototypes that a class looks at most; of the deep form, where they are seen."""
        chosen = parts["number"][:PICTURED_PROTOTYPES].astype(np.int64).tolist()
        images = learned_images(model, case.data)
        rows = [[images[index] for index in chosen]]
        captions = [f"seen {100 * share:.0f} %" for share in parts["seen"][: len(chosen)]]
        names = ["prototype"]
        network = inner_network(model)
        if isinstance(network, PatchComponents):
            _, corners = component_maxima(network, case.pixels.to(model.device))
            corner_places = [tuple(corners[0, index].tolist()) for index in chosen]
            rows.append(
                [as_bytes(crop(case.image, corner, network.patch)) for corner in corner_places]
            )
            captions += [""] * len(chosen)
            names.append("here")
        return Pictures(
            np.array(rows),
            tuple(names),
            tuple(str(index + 1) for index in chosen),
            "The prototypes that it looks at most, and how far each is seen.",
            captions=tuple(captions),
        )

    def attacked(
        self, case: PrototypeCase, model: Classifier, outcome: dict[str, float], progress: Progress
    ) -> Result:
        """Certificate, attacks at growing distances, the nearest other answer that was found."""
        winner = int(outcome["answer"])
        label = torch.tensor([winner])
        with torch.no_grad():
            exact = cast("Shallow", in_doubles(model))
            class_leads = leads(exact, case.pixels.double(), label)
        radius = float(class_leads.own_widths()[0])
        outcome |= {
            "certificate": radius,
            "closed form": float(class_leads.closed_form().amin()),
            "flip": float("nan"),
        }
        farthest = FAR * radius if 0 < radius < np.inf else 1.0
        radii = torch.linspace(0, farthest, PLACES)
        starts = case.image[None].repeat(PLACES, 1, 1, 1).to(model.device)
        attack = AttackBudget(restarts=self.tries)
        result, images = attack(
            lambda pixels: model(pixels.expand(-1, 3, -1, -1)),
            starts,
            label.expand(PLACES).to(model.device),
            radii.to(model.device),
            case.seed,
        )
        progress(1.0)
        # what is found in a small ball lies in every larger one
        lead = np.minimum.accumulate(result.amin(0).cpu().double().numpy())
        proved = torch.stack(
            [class_leads.least(distance[None].double()).amin() for distance in radii]
        ).numpy()
        margins = {
            "distance": (radii.numpy(), ""),
            "proved": (proved, "share"),
            "attacked": (lead, "share"),
        }
        views: dict[str, View] = {"margins": Table.of(margins)}
        if (successes := np.flatnonzero(lead < 0)).size:
            nearest = nearest_flip(model, case.image.to(model.device), images[successes[0]], winner)
            outcome["flip"] = float((nearest - case.image).norm())
            views["flip"] = flipped(case, model, nearest)
        return views

    def finding(self, case: PrototypeCase, result: Mapping[str, Any]) -> str:
        """The answer, what it rests on, and how far the image can change."""
        outcome, parts = result["outcome"], result["parts"]
        answer_class = case.data.classes[int(outcome["answer"][0])]
        present, absent = (100 * float(parts[part].sum()) for part in AGREE)
        words = BLANK if case.blank else ""
        words += (
            f"Read as {answer_class}: {present:.0f} % for what is seen, {absent:.0f} % for what "
            "is not."
        )
        return f"{words} {certificate_words(outcome)}" if "certificate" in outcome.order else words


def certificate_words(outcome: Table) -> str:
    """What the certificate promises, and what the attack found."""
    radius, flip = float(outcome["certificate"][0]), float(outcome["flip"][0])
    if radius < LEVEL:
        return "Two classes are level: the answer has no certificate."
    proved = "of any size" if np.isinf(radius) else f"below {radius:.2f}"
    reached = f"; the attack needed {flip:.2f}" if np.isfinite(flip) else "; no attack did"
    return f"No change {proved} can flip it{reached}."


def reason_table(detections: Tensor, plus: Tensor, minus: Tensor, label: int) -> Table:
    """How far each prototype is seen and its parts in a class; what counts most comes first."""
    wants, avoids = plus[:, label], minus[:, label]
    order = torch.argsort(-(wants + avoids), stable=True)
    part_shares = (
        detections * wants,
        (1 - detections) * avoids,
        detections * avoids,
        (1 - detections) * wants,
    )
    columns: dict[str, tuple[Any, str]] = {
        "number": (order.numpy(), ""),
        "seen": (detections[order].numpy(), "share"),
    }
    columns |= {
        part: (shares[order].numpy(), "share")
        for part, shares in zip(PARTS, part_shares, strict=True)
    }
    return Table.of(columns, [prototype_name(int(index)) for index in order])


def summed(parts: Table) -> Table:
    """The bars that are drawn: PICTURED_PROTOTYPES, and all others together."""
    columns = {}
    for name, unit in zip(parts.order, parts.units, strict=True):
        values = parts[name].astype(np.float64)
        rest = [values[PICTURED_PROTOTYPES:].sum()] if len(values) > PICTURED_PROTOTYPES else []
        columns[name] = np.concatenate([values[:PICTURED_PROTOTYPES], rest]), unit
    return Table.of(
        columns,
        [*parts.rows[:PICTURED_PROTOTYPES], *([REST] if len(parts) > PICTURED_PROTOTYPES else [])],
    )


def with_indefinite(parts: Table, left_out: float) -> Table:
    """What the older CBC makes of each prototype: PARTS and LEFT_OUT, which sum to one in each row.

    Its class divides by what it does not leave out, so that PARTS sum to one over all prototypes;
    here they are as before that division. The mean of the rows is the reasoning of the class.

    Args:
        parts: of the class, as `reason_table` has them.
        left_out: the mean indefinite share of its prototypes.
    """
    kept_share = len(parts) * (1 - left_out)
    shares = {part: kept_share * parts[part].astype(np.float64) for part in PARTS}
    shares[LEFT_OUT] = np.maximum(1 - sum(shares.values()), 0)  # kept answers are rounded
    return Table.of({name: (share, "share") for name, share in shares.items()}, parts.rows)


def bar_table(parts: Table) -> Table:
    """The bars that are drawn of it: PICTURED_PROTOTYPES, the others' mean and the mean of all."""
    columns = {}
    for name, unit in zip(parts.order, parts.units, strict=True):
        values = parts[name]
        others = [values[PICTURED_PROTOTYPES:].mean()] if len(values) > PICTURED_PROTOTYPES else []
        columns[name] = (
            np.concatenate([values[:PICTURED_PROTOTYPES], others, [values.mean()]]),
            unit,
        )
    return Table.of(
        columns,
        [
            *parts.rows[:PICTURED_PROTOTYPES],
            *([OTHERS] if len(parts) > PICTURED_PROTOTYPES else []),
            ALL,
        ],
    )


def changes(detections: Tensor, weights: Tensor, scores: Tensor, classes: tuple[int, int]) -> Table:
    """What each prototype would have to be seen as for the rival to win, all others as they are.

    The lead is linear in how far it is seen, so that this is exact; NaN where no value does it.
    """
    winner, rival = classes
    lead = scores[winner] - scores[rival]
    gain = weights[:, winner] - weights[:, rival]
    # lead + gain (d' − d) = 0, solved for d'
    needed = detections - lead / gain
    possible = (needed >= 0) & (needed <= 1)
    needed = torch.where(possible, needed, torch.nan)
    order = torch.argsort((needed - detections).abs().nan_to_num(torch.inf), stable=True)
    columns = {
        "number": (order.numpy(), ""),
        "seen": (detections[order].numpy(), "share"),
        "needed": (needed[order].numpy(), "share"),
    }
    return Table.of(columns, [prototype_name(int(index)) for index in order])


@torch.no_grad()
def nearest_flip(model: Classifier, image: Tensor, other_image: Tensor, own: int) -> Tensor:
    """Where the straight way from an image to one with another answer first has another one."""
    # without 0, which is the image itself
    shares = torch.linspace(0, 1, 65, device=image.device)[1:]
    path_images = image + shares[:, None, None, None] * (other_image - image)
    is_flipped = model(path_images.expand(-1, 3, -1, -1)).argmax(1) != own
    first = int(is_flipped.float().argmax()) if bool(is_flipped.any()) else -1
    return path_images[first].cpu()


def flipped(case: PrototypeCase, model: Classifier, nearest: Tensor) -> Pictures:
    """The image, the nearest one with another answer, and what lies between them."""
    with torch.no_grad():
        scores = model(nearest.expand(3, -1, -1)[None].to(model.device))[0]
    label = case.data.classes[int(scores.argmax())]
    difference = 0.5 + AMPLIFIED * (nearest - case.image) / 2
    images = [as_bytes(image) for image in (case.image, nearest, difference)]
    distance = float((nearest - case.image).norm())
    return Pictures(
        np.stack(images)[None],
        ("",),
        ("as it is", f"read as {label}", "difference"),
        f"The nearest image that the attack found with another answer: {label}, {distance:.2f} "
        "away. In the difference, gray is no change.",
    )


def ignored_words(outcome: Table, reasoning: str) -> str:
    """What the older CBC leaves out, in words; "" of the others."""
    share = 100 * float(outcome["left out"][0])
    if reasoning != INDEFINITE:
        return ""
    return (
        f"The old CBC leaves {share:.0f} % of its prototypes out and divides by the rest, which "
        "may be little."
    )
