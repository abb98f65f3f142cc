"""The tape: masks, the point on the curve, and an image's answer, at the level of the slider."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import streamlit as st

from components.answer_and_map import AnswerAndMap, answer_and_map, pick_heat_map
from components.asked_image import AskedImage, choose_image
from components.draw.drawing import draw
from components.draw.mask_drawings import draw_folded_back, draw_strips
from components.draw.two_models import model_comparison
from components.notices import escape_markdown
from components.picks import pick
from components.rebuilt import NETWORKS
from components.sidebar.subject import ChosenImage
from components.tickets.form import KEY
from components.widgets.steps import play_steps
from components.widgets.viewer import Panel, viewer
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.words import percent
from engine.core.result import Networks, Table
from engine.sparsity import Masks, masks_in
from engine.sparsity.lth.levels import ARMS
from engine.sparsity.lth.lottery import usual_level
from engine.sparsity.tickets.cut import full_masks
from engine.vision.case.prediction import top_classes
from engine.vision.lab import TrainCase
from engine.vision.models.classifier import Classifier
from engine.vision.models.rebuild import rebuilt


def choose_level(result: Views) -> int:
    """The slider; it stands first at the level that the sentence of the shell speaks of."""
    levels: Table = result["levels"]
    if len(levels) == 1:
        return 0
    words = [str(level) for level in range(len(levels))]
    rule = f"from 0 to {len(levels) - 1}"
    first = str(usual_level(levels))
    return int(pick("Level", words, f"{KEY}.level", "slider", first=first, rule=rule))


def play_levels(result: Views, level: int, *, drawn: bool) -> None:
    """Move the slider level after level, each once the one before is drawn."""
    last = len(result["levels"]) - 1
    if last:
        play_steps("the levels", level, last, f"{KEY}.play", f"{KEY}.level", drawn=drawn)


def density(levels: Table, level: int) -> str:
    return f"{100 * levels['density'][level]:.2g} %"


def at_level(result: Views, level: int, kind: str = "networks") -> Classifier:
    """The ticket, or the new start ("anew"), of an answer or of what is there of it."""
    view: Networks = result[kind]
    digest = view[level].digest
    return NETWORKS.made(
        repr(("ticket", digest, view.cards[level], level)),
        lambda: rebuilt(view[level], f"ticket-{digest[:8]}-{level}"),
    )


def kept_by(model: Classifier) -> Masks:
    return masks_in(model) or full_masks(model)


def picture(result: Views, level: int) -> None:
    left, right = st.columns([3, 2], gap="large")
    masks = kept_by(at_level(result, level))
    with left, st.container(key=f"{KEY}-wall"):
        draw_strips(masks)
        st.caption(
            f"What stays of each layer at level {level}, first seed. Bright: all; dark: nothing."
        )
    with right:
        draw(curve(result["levels"], level), result, f"{KEY}.curve")


def curve(levels: Table, level: int) -> Drawing:
    shares = 100 * levels["density"]
    ends = np.log10([shares.max() * 1.1, shares.min() / 1.1])
    return Drawing(
        "levels",
        chart=Lines(
            x="density",
            series={arm: arm for arm in ARMS},
            bands={arm: (f"{arm}, lowest", f"{arm}, highest") for arm in ARMS},
            log=True,
            x_span=(float(ends[0]), float(ends[1])),
            ticks=(100, 50, 20, 10, 5, 2, 1),
            x_title="weights that stay (%)",
            title="right test answers (%)",
            mark=(float(shares[level]), float(100 * levels["ticket"][level]), "this level"),
        ),
        finding=lambda result: curve_finding(result["levels"], level),
    )


def curve_finding(levels: Table, level: int) -> str:
    named = [f"{arm} {100 * levels[arm][level]:.1f} %" for arm in ARMS]
    return f"At {density(levels, level)} of the weights: {', '.join(named)}. Bands: all seeds."


def ask_image(case: TrainCase, own: ChosenImage | None, result: Views, level: int) -> bool:
    """The whole network, the level's ticket and its new start about one image; whether they stand.

    At level 0 the ticket is the whole network.
    """
    dense, ticket = at_level(result, 0), at_level(result, level)
    networks = {"whole": dense, "ticket": ticket, "anew": at_level(result, level, "anew")}
    titles = {
        "whole": "Whole network",
        "ticket": f"Ticket, {density(result['levels'], level)}",
        "anew": "Same mask, new start",
    }
    if not level:
        del networks["ticket"], titles["ticket"]
    st.markdown("**One image, the ticket and the same mask with a new start**")
    left, right = st.columns([4, 1], gap="large")
    with left:
        image = choose_image(case.data, case.seed, dense, own, KEY)
        kind = pick_heat_map(image.case, f"{KEY}.heat")
        answers = {
            slot: answer_and_map(replace(image.case, model=model), kind, f"{KEY}.{slot}")
            for slot, model in networks.items()
        }
        ready_answers = {slot: answer for slot, answer in answers.items() if answer is not None}
        if complete := len(ready_answers) == len(networks):
            viewer(
                image.pixels,
                [panel(titles[s], ready_answers[s]) for s in ready_answers],
                f"{KEY}.viewer",
            )
            st.caption(escape_markdown(maps_caption(image, titles, ready_answers)))
    with right:
        st.markdown("**What the first layer still reads**")
        draw_folded_back(ticket, kept_by(ticket))
    return complete


def panel(title: str, answer: AnswerAndMap) -> Panel:
    _, label, sure = top_classes(answer.classes, 1)[0]
    return Panel(title, answer.heat, f"It says {label}, {percent(sure)} sure.")


def maps_caption(
    image: AskedImage, titles: Mapping[str, str], ready_answers: Mapping[str, AnswerAndMap]
) -> str:
    changes = {
        s: model_comparison(image.case, ready_answers["whole"], answer)
        for s, answer in ready_answers.items()
    }
    words = [
        f"{titles[slot]} {100 * change.top:.0f} %"
        if np.isfinite(change.top)
        else f"{titles[slot]} –"
        for slot, change in changes.items()
        if slot != "whole"
    ]
    return (
        f"Asked about {image.about}; all maps are for {changes['whole'].label}. Hottest tenth in "
        f"common with the whole network: {'; '.join(words)} (chance: 5 %)."
    )
