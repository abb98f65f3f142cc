"""What else is lost with the things: by γ, beside other features, and thing by thing."""

from functools import partial

import numpy as np

from components.concepts.view import KEY
from components.section import Section
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.result import Table
from engine.hallucination import CaptionCase, Greedy, ScenesCase
from engine.unlearning import SAUCE, Collateral
from engine.unlearning.sauce.collateral import GAMMAS, KINDS, yes_to
from engine.unlearning.sauce.suppressed import enumerated_words
from engine.vision.language.tiny_vlm.model import TinyVLM

COUNT = 60  # scenes


def show(case: CaptionCase, method: SAUCE) -> None:
    if not isinstance(case.vlm, TinyVLM):
        return
    settings = {name: value for name, value in method.settings().items() if name != "gamma"}
    collateral = Collateral(**settings)
    Section(
        f"{KEY}.collateral",
        collateral,
        ScenesCase(case.vlm, Greedy(), COUNT, clean=True),
        "Over many scenes: what else is lost?",
        button="Ask over many scenes",
        before="The model is asked for all sixteen things in other scenes, for several γ, with "
        "these features, with others that are as active, and with others at random.",
        evidence=drawings(method),
    ).show()


def drawings(method: SAUCE) -> tuple[Drawing, ...]:
    lost = {yes_to(concept): yes_to(concept) for concept in method.things} | {
        f"yes to others, {KINDS[0]}": "yes to others that are there",
        f"false yes, {KINDS[0]}": "yes to others that are not",
    }
    return (
        Drawing("rates", "What is lost by γ", by_gamma(lost, method.gamma), lost_words),
        Drawing(
            "rates", f"Other features: yes to the {enumerated_words(method.things)}",
            by_gamma({f"yes to it, {kind}": kind for kind in KINDS}, method.gamma),
            partial(control_words, what="yes to it"),
        ),
        Drawing(
            "rates", "Other features: yes to the other things",
            by_gamma({f"yes to others, {kind}": kind for kind in KINDS}, method.gamma),
            partial(control_words, what="yes to others"),
        ),
        Drawing(
            "things", "Thing by thing, where it is there",
            Dots(series={"before": "before", "after": "after"}, joined=True, span=(-3, 103),
                 title="answered by yes (%)"),
            partial(worst_words, method=method), part=partial(forgotten_first, method=method),
        ),
        Drawing(
            "ranking", "The features with the highest scores",
            partial(ranking_bars, count=method.features),
            partial(ranking_words, method=method), wide=True,
        ),
        Drawing("top", "Where the first features are active", wide=True),
    )  # fmt: skip


def by_gamma(series: dict[str, str], gamma: float) -> Lines:
    return Lines(
        x="γ", series=series, span=(-3, 103), title="answered by yes (%)", x_title="γ", now=gamma
    )


def row_of(gamma: float) -> int:
    return int(np.abs(np.array(GAMMAS) - gamma).argmin())


def lost_words(result: Views) -> str:
    fit = result["fit"]
    return (
        f"γ = 1 changes nothing. The dictionary explains {100 * fit['explained variance'][0]:.0f} "
        f"% of unseen tokens with {fit['L0'][0]:.0f} features each; "
        f"{100 * fit['dead'][0]:.0f} % of its features are dead."
    )


def control_words(result: Views, what: str) -> str:
    table = result["rates"]
    rates = (f"{kind} {100 * np.min(table[f'{what}, {kind}']):.0f} %" for kind in KINDS)
    before = 100 * table[f"{what}, {KINDS[0]}"][0]
    return f"Lowest over γ: {', '.join(rates)}; {before:.0f} % before."


def before_after(table: Table, gamma: float) -> Table:
    columns = {
        "before": (table[table.order[0]], "share"),
        "after": (table[table.order[row_of(gamma)]], "share"),
    }
    return Table.of(columns, table.rows)


def forgotten_first(concept_table: Table, method: SAUCE) -> Table:
    table = before_after(concept_table, method.gamma)
    targets = [table.rows.index(concept) for concept in method.things]
    others = [at for at in range(len(table)) if at not in targets]
    rows = [f"{concept} (to forget)" for concept in method.things] + [
        table.rows[at] for at in others
    ]
    taken = table.take([*targets, *others])
    return Table.of({name: (taken[name], "share") for name in taken.order}, rows)


def worst_words(result: Views, method: SAUCE) -> str:
    table = before_after(result["things"], method.gamma)
    falls = np.nan_to_num(table["before"] - table["after"], nan=-1.0)
    falls[[table.rows.index(concept) for concept in method.things]] = -1.0
    at = int(falls.argmax())
    return (
        f"Shown at γ = {GAMMAS[row_of(method.gamma)]:g}. Of the others the {table.rows[at]} falls "
        f"most: {100 * table['before'][at]:.0f} → {100 * table['after'][at]:.0f} %."
    ).replace("γ = -", "γ = −")


def ranking_bars(result: Views, count: int) -> Bars:
    ranking = result["ranking"]
    score = ranking["score"]
    alone = len({row.split()[0] for row in ranking.rows}) == 1
    cut = float(score[count - 1]) if alone and 0 < count <= len(score) else None
    return Bars(value="score", line=cut, line_name="cut-off", title="score")


def ranking_words(result: Views, method: SAUCE) -> str:
    score, count = result["ranking"]["score"], method.features
    what = "A score is a share of all activation, with the thing minus without."
    if len(method.things) > 1:
        return f"The first {count} of each thing are suppressed. {what}" if count else what
    if not 0 < count < len(score):
        return what
    return (
        f"{count} are suppressed. The last of them has {score[count - 1]:.3f}, the next one "
        f"{score[count]:.3f}. {what}"
    )
