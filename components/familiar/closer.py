"""A closer look in Familiar?: every detector, images made worse, or the model it was made from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import streamlit as st

from components import forms, section
from components.draw.bars import Bars
from components.draw.drawing import Drawing, Views
from components.draw.lines import Lines
from components.familiar.form import KEY, FamiliarQuestion, features
from components.picks import pick
from components.section import Section
from components.sidebar.pictures import enlarged
from components.widgets.pictures import show_picture
from engine.anomaly import DETECTORS, Compare, Corrupt, ViM, sources
from engine.anomaly.detectors.quick import BY_NAME
from engine.anomaly.protocol.conformal import POOLED
from engine.anomaly.protocol.corrupt import LEVELS
from engine.anomaly.protocol.corruption import corrupted
from engine.models.classifier import Classifier
from engine.pictures import as_bytes
from engine.result import Table

TITLES = {kind.name: kind.title for kind in DETECTORS}
FLAGGED, RIGHT, OWN_P = "normal images flagged", "told right", "its p-value"
PARENT = ("p-value", "less unusual normal images", "score", "middle normal score", "AUROC")


def closer(asked: FamiliarQuestion, found: Views) -> None:
    """All detectors, images made worse, or the model it was made from."""
    parent = sources.parent_of(asked.case.model)
    looks = ["Every detector", "Made worse", *(["Beside its parent"] if parent else [])]
    match pick("Look closer", looks, f"{KEY}.closer", "segments"):
        case "Every detector":
            every_detector(asked)
        case "Made worse":
            made_worse(asked)
        case _ if parent:
            beside(asked, found, parent)


def every_detector(asked: FamiliarQuestion) -> None:
    """The detectors on this image, those that find it most unusual first."""
    method = Compare(**forms.settings(Compare, f"{KEY}.Compare"))
    section.show(
        Section(
            KEY, method, asked.case, known=asked.known, columns=1,
            evidence=[
                Drawing("ranking", part=ranked, chart=ranking_chart, finding=ranking_finding)
            ],
        )
    )  # fmt: skip


def ranked(table: Table) -> Table:
    """The rows by their p-values, under the detectors' titles."""
    order = np.argsort(table["p-value"], kind="stable")
    names = [TITLES[table.rows[at]] for at in order]
    return Table.of(
        {
            name: (table[name][order], unit)
            for name, unit in zip(table.columns, table.units, strict=True)
        },
        names,
    )


def ranking_chart(found: Views) -> Bars:
    """How many normal images are less unusual, for each detector."""
    table = ranked(found["ranking"])
    texts = [
        f"p {p:.3g}" + (f", AUROC {area:.2f}" if np.isfinite(area) else "")
        for p, area in zip(table["p-value"], table["AUROC"], strict=True)
    ]
    return Bars(
        value=PARENT[1], title="normal images that are less unusual (%)", span=(0, 104),
        texts=texts,
    )  # fmt: skip


def ranking_finding(found: Views) -> str:
    """Who finds it most unusual, who least, and whom to believe."""
    table = ranked(found["ranking"])
    below, areas, names = 100 * table[PARENT[1]], table["AUROC"], table.rows
    words = (
        f"{names[0]} finds this image most unusual: {below[0]:.0f} % of the normal images are less "
        f"so; {names[-1]} the least ({below[-1]:.0f} %). The lowest of {len(names)} p-values, paid "
        f"for by their number (Bonferroni): {found['together']['Bonferroni']:.2g}."
    )
    if np.isfinite(areas).any():
        best = int(np.nanargmax(areas))
        words += f" Of these unknown images {names[best]} tells most (AUROC {areas[best]:.2f})."
    return words


def made_worse(asked: FamiliarQuestion) -> None:
    """The image and normal ones made worse, step by step."""
    name = asked.method.name if asked.method.name in BY_NAME else ViM.name
    forms.refuse_links(Corrupt, f"{KEY}.Corrupt")
    left, right = st.columns([1, 3], gap="large")
    with left:
        method = Corrupt(detector=name, **forms.settings(Corrupt, f"{KEY}.Corrupt", {"kind"}))
        steps = [f"{one:g}" for one in LEVELS]
        at = steps.index(pick("Severity", steps, f"{KEY}.severity", "slider"))
        image = corrupted(asked.case.image[None], method.kind, LEVELS[at], asked.case.seed)[0]
        words = f"This image with {method.kind} of severity {steps[at]}"
        show_picture(enlarged(as_bytes(image)), words, width="stretch")
    drawing = Drawing(
        "steps", made=lambda found: steps_of(found, asked.alpha),
        chart=lambda found: steps_chart(steps_of(found, asked.alpha), LEVELS[at], asked.alpha),
        finding=lambda found: step_finding(asked, found, at, name),
    )  # fmt: skip
    with right:
        section.show(
            Section(KEY, method, asked.case, known=asked.known, columns=1, evidence=[drawing])
        )


def steps_of(found: Views, alpha: float) -> Table:
    """Every step: severity, normal images flagged and told right, and the image's own figures."""
    steps, flagged = found["steps"], (found["flags"].values <= alpha).mean(0)
    columns = {
        "severity": (LEVELS, ""), FLAGGED: (flagged, "share"), RIGHT: (steps["accuracy"], "share"),
        OWN_P: (steps["p-value of the image"], "share"),
    }  # fmt: skip
    rest = zip(steps.columns, steps.units, strict=True)
    return Table.of(columns | {name: (steps[name], unit) for name, unit in rest}, steps.rows)


def steps_chart(steps: Table, severity: float, alpha: float) -> Lines:
    """What the model and the detector make of it, over severity."""
    series = {
        FLAGGED: f"normal images flagged at {100 * alpha:g} %",
        OWN_P: "p-value of this image",
    }
    if np.isfinite(steps[RIGHT]).all():
        series[RIGHT] = "normal images told right"
    return Lines(x="severity", series=series, now=severity, title="%", span=(-2, 102))


def step_finding(asked: FamiliarQuestion, found: Views, at: int, name: str) -> str:
    """What the step does to the image, to normal images, and to the model's answers."""
    table = steps_of(found, asked.alpha)
    score, p, flagged = (
        float(table[name][at]) for name in ("score of the image", "p-value of the image", FLAGGED)
    )
    words = f"At this step the image scores {score:.3g} (p {p:.2g}); "
    words += f"{100 * flagged:.0f} % of normal images made worse alike are flagged"
    right = 100 * table[RIGHT]
    if np.isfinite(right).all():
        words += f", and the model tells {right[at]:.0f} % of them right"
        words += f" ({right[0]:.0f} % untouched)"
    label = asked.case.model.labels[int(found["classes"].values[at])]
    return f"{words}. The model sees: {label}. Scores are {name}'s."


def beside(asked: FamiliarQuestion, found: Views, parent: Classifier) -> None:
    """The same question to the model that this one was made from."""
    own, theirs = asked.case.model.title, f"{parent.title} (parent)"
    both = replace(asked, case=replace(asked.case, model=parent))
    section.show(
        Section(
            f"{KEY}.parent", both.method, both.case, known=both.known, columns=1,
            first=features(both), explained=False,
            evidence=[
                Drawing(
                    "measures", made=lambda other: drift({own: found, theirs: other}),
                    finding=lambda _: "Scores of two models are not on one scale; p-values and "
                    "shares are. The same normal and unknown images were shown to both.",
                )
            ],
        )
    )  # fmt: skip


def drift(answers: dict[str, Views]) -> Table:
    """What each model finds of the image, on its own scale."""
    rows = []
    for found in answers.values():
        score, normal = float(found["subject"].values[0]), found["normal"].values
        below, middle = float((normal < score).mean()), float(np.median(normal))
        area = float(found["measures"]["AUROC"][0])
        rows.append([found["p"][POOLED], below, score, middle, area])
    units = ("probability", "share", "", "", "probability")
    return Table.grid(np.array(rows, np.float32), tuple(answers), PARENT, units)
