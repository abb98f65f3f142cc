"""KLoM of one way: unlearned models beside models that never saw the images, image by image."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from engine.core.errors import BlindspotError
from engine.core.method import Case, Choice, Progress, Slider, part_of, quiet, setting
from engine.core.result import Result, Table
from engine.core.run import answer
from engine.evaluation.forgetting.klom import BINS, GAUSSIAN, Doubles, klom, margins, too_few_models
from engine.unlearning.around import SEVERAL, AfterCase
from engine.unlearning.diagnostics.base import Diagnostic
from engine.unlearning.dmm.direct import GROUPS, images_setting, sample_groups
from engine.unlearning.dmm.trainings import (
    ALL,
    OWN_SEEDS,
    PART,
    STAYS,
    judges,
    logits_of,
    models_of,
    others,
    too_many_for,
    train_part,
)
from engine.unlearning.given import GivenGroups
from engine.unlearning.sparse_mu.prune_first import PruneFirst
from engine.vision.models.rebuild import rebuilt
from engine.vision.training import outputs

NOTHING, UNLEARNED, NOISE = "nothing done", "unlearned", "noise"
SAMPLES = ("original", "unlearned", "oracle", "other oracle")  # of each point's margins
HIGH = 0.95


@dataclass(frozen=True)
class KLoM(Diagnostic):
    """How far unlearned models answer from models that never saw the images, image by image.

    Several originals are trained and unlearned, and as many oracles are trained without the images,
    all with seeds of their own. An image's margin is the logit of its label above the soft maximum
    of the others, and differs from model to model; KLoM is the distance in nats between both groups
    of margins, KL(unlearned ‖ oracles). One model that happens to be right, or a mean in which too
    much and too little cancel, cannot pass. Noise is what as many other oracles show: a way that
    comes down to it answers these images as retraining does, and nothing can be lower in truth.
    Oracles that judge, that make the noise and that teach OM are never the same. Where many models
    were opened, nothing is trained: one half of the retrained ones judges, the other is the noise.
    """

    name = "KLoM"
    title = "KLoM: all margins against models that never saw them"
    cost = "job"
    needs = frozenset({SEVERAL})
    revision = 2  # noise of oracles that teach nobody; all margins at the highest value count
    paper = "Georgiev et al. 2024, https://arxiv.org/abs/2410.23232"
    proof = "tests/engine/unlearning/test_klom.py::test_every_number_is_that_of_models_made_by_hand"

    form: str = setting(
        GAUSSIAN,
        Choice((GAUSSIAN, BINS)),
        "Form",
        "Two normal laws, or histograms as published; histograms need 100 models.",
    )
    models: int = setting(
        20,
        Slider(PART, 100, PART),
        "Models",
        "How many originals are trained and unlearned. As many oracles are trained, and as many "
        "again for the noise. Of opened models, how many of each kind count at most.",
    )
    images: int = images_setting()

    @classmethod
    def unmet(cls, case: Case) -> str:
        """Why it cannot be asked, or ""."""
        if reason := super().unmet(case):
            return reason
        if not isinstance(case, AfterCase):
            return ""
        if isinstance(case, GivenGroups):
            return ""
        if isinstance(case.method, PruneFirst):
            return "each of its models has other zeros, and would need oracles of its own."
        return too_many_for(case.case)

    def __call__(self, case: AfterCase, progress: Progress = quiet) -> Result:
        """Views: points, a row for each image; summary, a row for each group; margins; cost.

        Points: id, group (0 forgotten, 1 stays, 2 test), KLoM to the oracles of the originals
        (nothing done), of the unlearned models, and of the other oracles (noise). The summary has
        the median and the 95th percentile of each. Margins has a column for each model. Cost has
        the mean share of retraining of the way, and how many of its runs failed; opened models have
        none.
        """
        if isinstance(case, GivenGroups):
            return self.of_given(case, progress)
        if reason := too_few_models(self.form, self.models):
            raise BlindspotError(f"{reason} Choose more models, or the Gaussian form.")
        progress(0.0, "looking for models that are there already")
        rows, group = sample_groups(case.case, self.images)
        labels, parts = case.case.data.labels[rows], -(-self.models // PART)
        logits_by_name: dict[str, list[Doubles]] = {name: [] for name in SAMPLES}
        shares: list[float] = []
        failed = 0
        views: Result = {}
        for part in range(parts):
            round_progress = part_of(progress, part / parts, (part + 1) / parts)
            originals = train_part(
                case.case, ALL, part, part_of(round_progress, 0.0, 0.2, lead="originals")
            )
            for name, number, low in (
                ("oracle", judges(part), 0.2),
                ("other oracle", others(part), 0.4),
            ):
                part_progress = part_of(round_progress, low, low + 0.2, lead="oracles")
                logits_by_name[name] += list(
                    logits_of(train_part(case.case, STAYS, number, part_progress))[:, rows]
                )
            logits_by_name["original"] += list(logits_of(originals)[:, rows])
            models = models_of(originals, case.model.name)
            for place, model in enumerate(models):
                number = PART * part + place
                # wrapped below OWN_SEEDS, where no original and no oracle has its seed
                seed = (case.case.seed + number) % OWN_SEEDS
                model_case = replace(case.case, model=model, seed=seed)
                low, high = (0.6 + 0.4 * at / len(models) for at in (place, place + 1))
                lead = f"unlearning model {number + 1} of {self.models}"
                unlearned_answer = answer(
                    case.method, model_case, part_of(round_progress, low, high, lead=lead)
                )
                unlearned = rebuilt(unlearned_answer["model"], case.model.name)
                logits_by_name["unlearned"].append(
                    outputs(unlearned, model_case.data, rows).numpy()
                )
                shares.append(float(unlearned_answer["run"]["share of retraining"][0]))
                failed += int(unlearned_answer["run"]["failed_at"][0] >= 0)
            count = min(self.models, PART * (part + 1))
            if too_few_models(self.form, count):
                continue
            values = {
                name: margins(np.stack(logits[:count]), labels)
                for name, logits in logits_by_name.items()
            }
            cost = {
                "share of retraining": ([float(np.mean(shares))], "share"),
                "failed": ([float(failed)], ""),
                "models": ([float(count)], ""),
            }
            views = {**self.views(case, rows, group, values), "cost": Table.of(cost)}
            progress((part + 1) / parts, f"{count} models of each kind", views)
        return views

    def of_given(self, case: GivenGroups, progress: Progress) -> Result:
        """The same views of models that were opened, but for the cost."""
        if reason := case.too_few(self.form):
            raise BlindspotError(reason)
        count = min(self.models, case.usable)
        if reason := too_few_models(self.form, count):
            raise BlindspotError(f"{reason} Choose more models, or the Gaussian form.")
        rows, group = sample_groups(case.case, self.images)
        data, values = case.case.data, {}
        parts = [case.groups[kind][:count] for kind in ("original", "unlearned", "retrained")]
        parts.append(case.groups["retrained"][count : 2 * count])
        for place, (name, models) in enumerate(zip(SAMPLES, parts, strict=True)):
            logits = []
            for number, model in enumerate(models):
                logits.append(outputs(model, data, rows).numpy())
                words = f"asking {name} model {number + 1} of {count}"
                progress((place + (number + 1) / count) / len(SAMPLES), words)
            values[name] = margins(np.stack(logits), data.labels[rows])
        return self.views(case, rows, group, values)

    def views(
        self, case: AfterCase, rows: Any, group: Any, values: Mapping[str, Doubles]
    ) -> Result:
        """Points, summary and margins of the models that are there."""
        sides = {NOTHING: "original", UNLEARNED: "unlearned", NOISE: "other oracle"}
        results = {
            name: klom(values[side], values["oracle"], self.form) for name, side in sides.items()
        }
        points = {"id": (case.case.data.ids[rows], ""), "group": (group, "")}
        columns = {
            f"{name} {number + 1}": (model_margins.astype(np.float32), "nat")
            for name, sample_margins in values.items()
            for number, model_margins in enumerate(sample_margins)
        }
        return {
            "points": Table.of(
                points | {name: (result, "nat") for name, result in results.items()}
            ),
            "summary": summary(results, group),
            "margins": Table.of(columns),
        }

    def finding(self, case: AfterCase, result: Mapping[str, Any]) -> str:
        """The middle forgotten image of the way, of nothing done, and of the noise."""
        distance, nothing, noise = (
            result["summary"].cell(GROUPS[0], f"{name}, median")
            for name in (UNLEARNED, NOTHING, NOISE)
        )
        several = isinstance(case, GivenGroups)
        who = "the unlearned models are" if several else f"{case.method.short} is"
        return (
            f"On the middle forgotten image, {who} {nats(distance)} from models that never saw it "
            f"(nothing done: {nats(nothing)}; noise: {nats(noise)})."
        )


def summary(figures: Mapping[str, Doubles], group: Any) -> Table:
    """Median and 95th percentile of each sample, a row for each group; NaN without images."""
    columns: dict[str, tuple[Any, str]] = {}
    for name, values in figures.items():
        for word, share in (("median", 0.5), ("95 %", HIGH)):
            by_group = [values[group == index] for index in range(len(GROUPS))]
            columns[f"{name}, {word}"] = (
                [
                    float(np.quantile(group_values, share)) if len(group_values) else float("nan")
                    for group_values in by_group
                ],
                "nat",
            )
    return Table.of(columns, GROUPS)


def nats(value: float) -> str:
    """A distance with as many digits as count."""
    return f"{value:.2f} nats" if value < 10 else f"{value:.0f} nats"
