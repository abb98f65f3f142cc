"""Hard, random and easy forget sets beside each other, and what they do to the order of ways."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from components import forms
from components.forget.asked import MethodDetail, Rows
from components.forget.ranks import SETS, SLOT, Sets, rank
from components.picks import pick
from components.section import Section
from components.widgets.data_images import image_thumb
from components.widgets.thumbs import thumbs
from engine.core import run
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.spread import BarsAndLine
from engine.core.result import Table
from engine.unlearning import WorstCase
from engine.unlearning.worst_forget.worst import EASIEST, HARDEST, RANDOM
from engine.vision.data import DataSet

SETTINGS = ("share", "rounds", "rate", "gamma")
STRIP = 12  # images of each
SURE = 0.05  # p-value below which two sets differ
LEAST = 1e-7  # nats, at which curves end on a scale of decades


def extremes(detail: MethodDetail) -> Rows:
    chosen = forms.folded_settings(WorstCase, SLOT, SETTINGS, "Settings of the search")
    methods = {kind: WorstCase(kind, **chosen) for kind in SETS}
    rounds = [f"{number}" for number in range(1, methods[HARDEST].rounds + 1)]
    number = int(pick("Losses in round", rounds, f"{SLOT}.round", first=rounds[-1]))
    case, data = detail.case.case.pruning, detail.data

    def sets(result: Views) -> Sets:
        """The answer of the section, which is of images at random, and the two before it."""
        return {
            kind: result if kind == RANDOM else run.answer(method, case)
            for kind, method in methods.items()
        }

    def pictures(kind: str, result: Views) -> None:
        show_extremes(data, sets(result)[kind]["images"], kind)

    def losses(kind: str, result: Views) -> Table:
        return of_round(sets(result)[kind]["losses"], number)

    evidence = [
        Drawing("images", f"{SETS[kind].capitalize()}: {about}", by=partial(pictures, kind))
        for kind, about in ABOUT.items()
    ]
    evidence += [
        Drawing(
            "losses",
            f"Losses, {name}",
            SPREAD,
            partial(spread_finding, kind),
            made=partial(losses, kind),
        )
        for kind, name in SETS.items()
    ]
    evidence += [
        Drawing(
            "rounds",
            "Loss of the chosen, by round",
            BY_ROUND,
            rounds_finding,
            made=lambda result: by_round(sets(result)),
        ),
        Drawing(
            "images",
            "Classes",
            Dots(series={name: name for name in SETS.values()}, title="of the set (%)"),
            lambda result: balance_finding(balance(data, sets(result))),
            made=lambda result: balance(data, sets(result)),
        ),
    ]
    return [
        [
            Section(
                SLOT,
                methods[RANDOM],
                case,
                columns=3,
                evidence=evidence,
                first=[
                    (methods[extreme], case, f"{SLOT}.{extreme}") for extreme in (HARDEST, EASIEST)
                ],
                sentence=lambda result: sentence(data, sets(result)),
                detail=lambda result: rank(detail, sets(result)),
            )
        ]
    ]


ABOUT = {
    HARDEST: "lowest losses first",
    RANDOM: "lowest to highest loss",
    EASIEST: "highest losses first",
}


def show_extremes(data: DataSet, images: Table, kind: str) -> None:
    count = min(STRIP, len(images))
    spaced = np.round(np.linspace(0, len(images) - 1, count)).astype(int)
    places = spaced if kind == RANDOM else np.arange(count)
    rows = data.places(images["id"][places].astype(np.int64)).tolist()
    thumbnails = [
        image_thumb(data, row, f"{data.classes[data.labels[row]]} · {loss:z.2g}")
        for row, loss in zip(rows, images["loss"][places], strict=True)
    ]
    thumbs(thumbnails, f"{SETS[kind]} images", f"{SLOT}.strip.{kind}", lambda _: None)
    st.caption("Label and loss (nats) after unlearning.")


# ---------------------------------------------------------------- what they are like


@st.cache_data(max_entries=8, show_spinner=False)
def distances(_data: DataSet, fingerprint: str) -> NDArray[np.float64]:
    """For each image, the share of the training images of its label nearer to their mean, (N,)."""
    del fingerprint
    result, train = np.full(len(_data), np.nan), _data.rows("train")
    for label in np.unique(_data.labels[train]):
        rows = train[_data.labels[train] == label]
        pixels = _data.images[rows].reshape(len(rows), -1).astype(np.float32)
        order = np.argsort(((pixels - pixels.mean(0)) ** 2).sum(1), kind="stable")
        result[rows[order]] = np.arange(len(rows)) / max(len(rows) - 1, 1)
    return result


def sentence(data: DataSet, sets: Sets) -> str:
    rows = {kind: data.places(sets[kind]["images"]["id"].astype(np.int64)) for kind in SETS}
    far = distances(data, data.fingerprint)
    hard, chance, easy = (100 * float(np.median(far[rows[kind]])) for kind in SETS)
    how = [rank_test_words(far[rows[kind]], far[rows[RANDOM]]) for kind in (HARDEST, EASIEST)]
    words = (
        f"Beside random images, hard ones are {how[0]} of their label, and easy ones {how[1]}: of "
        f"the images of its label, {hard:.0f} % are nearer to their mean than the middle hard one "
        f"(random {chance:.0f} %, easy {easy:.0f} %)."
    )
    if "clean_label" not in data.truth:
        return words
    wrong = data.truth["clean_label"] != data.labels
    shares = [f"{100 * wrong[rows[kind]].mean():.0f} % of the {SETS[kind]}" for kind in SETS]
    return f"{words} Wrong labels: {', '.join(shares)}."


def rank_test_words(own: NDArray[np.float64], random_distances: NDArray[np.float64]) -> str:
    """How typical a set is beside the random one, by a rank test (Mann–Whitney) at 5 %."""
    from scipy.stats import mannwhitneyu  # slow to import, and only this look needs it

    test = mannwhitneyu(own, random_distances)
    if test.pvalue > SURE:
        return "about as typical"
    return (
        "more typical" if test.statistic < len(own) * len(random_distances) / 2 else "less typical"
    )


def of_round(losses: Table, number: int) -> Table:
    number = min(number, int(losses["round"].max()))
    round_losses = losses.take(np.flatnonzero(losses["round"] == number).tolist())
    ends = {name: (np.log10(round_losses[name]), "") for name in ("from", "to")}
    return Table.of(ends | {name: (round_losses[name], "share") for name in ("chosen", "all")})


SPREAD = BarsAndLine(
    bars={"chosen": "chosen"},
    lines={"all": "all training images"},
    title="images (%)",
    x_title="loss (nats, powers of 10)",
    height=280,
)


def spread_finding(kind: str, result: Views) -> str:
    del result
    if kind == RANDOM:
        return "After the random images were taken away."
    return f"In that round, and the {SETS[kind]} images that were chosen by these losses."


def by_round(sets: Sets) -> Table:
    rounds = max((sets[set_kind]["rounds"] for set_kind in SETS), key=len)["round"]
    columns = {}
    for kind, name in SETS.items():
        objective = sets[kind]["rounds"]["objective"]
        columns[name] = np.maximum(np.resize(objective, len(rounds)), LEAST), "nat"
    return Table.of({"round": (rounds, "")} | columns)


BY_ROUND = Lines(
    x="round",
    series={name: name for name in SETS.values()},
    y_log=True,
    title="mean loss (nats)",
    x_title="round",
    height=320,
)


def rounds_finding(result: Views) -> str:
    del result
    return "Mean loss of the images a round begins with, after unlearning them. Round 1: random."


def balance(data: DataSet, sets: Sets) -> Table:
    columns = {}
    for kind, name in SETS.items():
        labels = data.labels[data.places(sets[kind]["images"]["id"].astype(np.int64))]
        columns[name] = np.bincount(labels, minlength=len(data.classes)) / len(labels), "share"
    return Table.of(columns, data.classes)


def balance_finding(table: Table) -> str:
    leaders = [
        f"{table.rows[int(table[name].argmax())]} ({100 * table[name].max():.0f} % of the {name})"
        for name in (SETS[HARDEST], SETS[EASIEST])
    ]
    return f"Most frequent: {' and '.join(leaders)}."
