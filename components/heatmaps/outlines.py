"""What the model's own map outlines, beside what other maps do by the same rule, and the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st

from components import runs
from components.draw.drawing import draw as draw_view
from components.draw.pictures import draw_pictures
from components.heatmaps.offsets import by_offset, cut_maps
from components.heatmaps.peaks import of_features
from components.heatmaps.truth import of_nothing
from components.notices import escape_markdown
from components.picks import pick
from components.sidebar.subject import Subject
from components.together import Answers
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.groups import Look, PointGroups
from engine.core.method import Method
from engine.core.pictures import as_bytes, overlay_masks
from engine.core.result import Pictures, Table
from engine.core.run import Answer
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.measures.outlines import dice, inside_of, iou
from engine.evaluation.trust import AmongOthers, TrustCase, controls
from engine.evaluation.trust.among import DICE, MEASURES, POINTS, THIS_IMAGE, rank_sentence
from engine.vision.data.example import Mask
from engine.vision.models.catalog import data_of

AMONG = "outlines.among"  # a slot of its own: those of maps are left as soon as none needs them
LONGEST = 120  # seconds that other images' maps may take, where those of this one say so
BELOW = "other images with a lower value"
CONTROLLED = (
    "Shuffled labels: the same recipe with nothing to learn; it seldom names the class, and then "
    "outlines nothing. The plain CNN learned the same slices."
)
ABOUT = (
    "Each map is cut at multi-Otsu's highest threshold less an offset; the settings of the model's "
    "own map move its outline. A COMET's mask is cut at one half. The other maps are of this same "
    "network; those of a plain one may be better, see Attribution ▸ Experiments. Grad-CAM of a GP "
    "network explains a logit that all classes share, and does better “rather than” the second."
)


def draw(answers: Answers, subject: Subject, methods: Sequence[Method[Any]]) -> None:
    if OwnMap.title not in answers:
        return
    st.markdown("**What each map outlines**")
    draw_pictures(pictures(answers, subject), "heatmaps.outlines")
    st.caption(ABOUT)
    used = {method.title: method for method in methods if method.title in answers}
    cut_elsewhere(answers, used, subject.mask)
    if "peaks" in answers[OwnMap.title]:
        with st.expander("Which pixels is the answer made of?"):
            draw_view(
                of_features(answers[OwnMap.title], as_bytes(subject.case.image), subject.mask),
                answers[OwnMap.title],
                "heatmaps.outlines.peaks",
            )
    seconds = sum(answer.record["seconds"] for answer in answers.values())
    among_others(used, subject, seconds)


def cut_elsewhere(answers: Answers, methods: Mapping[str, Method[Any]], truth: Mask | None) -> None:
    maps = cut_maps(answers, methods)
    if truth is None or not truth.any() or not maps:
        return
    with st.expander("What if the maps were cut elsewhere?"):
        draw_view(by_offset(maps, truth), answers, "heatmaps.outlines.offsets")


def among_others(
    methods: Mapping[str, Method[Any]], subject: Subject, seconds: float = 0.0
) -> None:
    """Where this image's map stands among those of test images; nothing without a truth.

    The controls stand beside it where there are any.
    """
    image_count = max(10, min(AmongOthers.images, int(LONGEST / max(seconds, 1e-3)) // 10 * 10))
    among, exact = AmongOthers(images=image_count), subject.case.at("exact")
    others = data_of(exact.model)
    cases = {
        title: TrustCase(exact, method, subject.mask, others) for title, method in methods.items()
    }
    cases = {title: case for title, case in cases.items() if not among.unmet(case)}
    if not cases:  # no truth is known, or nothing is there, or there are no images of the kind
        return
    map_titles = set(cases)
    cases |= controls(cases.get(OwnMap.title) or next(iter(cases.values())))
    st.markdown("**Is that usual?**")
    outcomes = runs.ask_all_when_told(
        among, cases, AMONG, f"Outline {among.images} other images too", named=False
    )
    runs.watch([outcome for outcome in outcomes.values() if not isinstance(outcome, Answer)])
    results = {title: outcome for title, outcome in outcomes.items() if isinstance(outcome, Answer)}
    if results:
        place = st.container()
        measure = pick("Measure", MEASURES, f"{AMONG}.measure", "segments")
        with place:
            draw_standing(results, measure)
        if set(results) - map_titles:
            st.caption(CONTROLLED)


def draw_standing(results: Mapping[str, Views], measure: str) -> None:
    if measure == POINTS:
        st.markdown(
            "\n".join(f"- {escape_markdown(line)}" for line in map_sentences(results, measure))
        )
    else:
        draw_view(standing_by(measure), results, f"{AMONG}.chart")


def map_sentences(results: Mapping[str, Views], measure: str) -> list[str]:
    joined = " " if measure == POINTS else ": "
    return [f"{title}{joined}{rank_sentence(views, measure)}" for title, views in results.items()]


def standing_by(measure: str) -> Drawing:
    return Drawing(
        "others",
        "",
        lambda result: standing(result, measure),
        made=lambda result: ranked(result, measure),
        finding=lambda result: " ".join(map_sentences(result, measure)),
    )


def ranked(answers: Mapping[str, Views], measure: str = DICE) -> Table:
    rows: list[str] = []
    below: list[float] = []
    values: list[float] = []
    for title, answer in answers.items():
        others = np.sort(answer["others"][measure])
        rows += [title] * len(others)
        below += ((np.arange(len(others)) + 0.5) / len(others)).tolist()
        values += others.tolist()
    for answer in answers.values():
        own_score = float(answer["here"][measure][0])
        rows.append(THIS_IMAGE)
        below.append(float((answer["others"][measure] < own_score).mean()))
        values.append(own_score)
    return Table.of({BELOW: (below, "share"), measure: (values, "")}, rows)


def standing(results: Mapping[str, Views], measure: str = DICE) -> PointGroups:
    looks: dict[str, Look] = dict.fromkeys(results, "line")
    return PointGroups(x=BELOW, y=measure, looks={**looks, THIS_IMAGE: "own"}, span=(-0.03, 1.03))


def pictures(answers: Answers, subject: Subject) -> Pictures:
    image, truth = as_bytes(subject.case.image), subject.mask
    inside = {title: inside_of(answer) for title, answer in answers.items()}
    outlined = [
        overlay_masks(image, outline, outline if truth is None else truth)
        for outline in inside.values()
    ]
    captions = [agreement(outline, truth) for outline in inside.values()]
    how = "White is outlined."
    if truth is not None:
        legend = "White is outlined and part of the finding, red is missed, blue is extra."
        how = legend if truth.any() else "Nothing is there by the mask; blue is outlined."
    summary = ", ".join(
        f"{title}: {caption}" for title, caption in zip(inside, captions, strict=True)
    )
    return Pictures(
        np.stack([[image, *outlined]]),
        ("",),
        ("image", *inside),
        f"{how} {summary}.",
        captions=("", *captions),
    )


def agreement(inside: Mask, truth: Mask | None) -> str:
    if truth is not None and not truth.any():
        return of_nothing(inside)
    if not inside.any():
        return "nothing stands out"
    if truth is None:
        return f"{100 * inside.mean():.1f} % of the image"
    return f"Dice {dice(inside, truth):.2f}, IoU {iou(inside, truth):.2f}"
