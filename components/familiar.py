"""The parts of the Familiar? view: what is asked, one plain sentence, and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import streamlit as st

from components import charts, familiar_charts, familiar_sources, runs
from components.exports import as_json
from components.familiar_sources import KEY, group_word
from components.forms import method_form, refuse_links
from components.histogram import Shown, histogram
from components.links import refuse
from components.notices import plain, spoken
from components.pictures import enlarged
from components.subject import Subject
from engine import run
from engine.anomaly import COSTARR, DETECTORS, Compare, Conformal, Corrupt, Extract, FamiliarCase
from engine.anomaly.corrupt import LEVELS
from engine.anomaly.corruption import corrupted
from engine.anomaly.detector import Detector, ruler_of
from engine.anomaly.quick import QUICK
from engine.errors import BadSetting
from engine.method import Method
from engine.run import Answer

FIRST = "ViM"
ALPHAS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
USUAL = 0.05
NEAREST = 6
FEW = 20  # normal images, or groups of them, below which a hint is due
TITLES: Mapping[str, str] = {kind.name: kind.title for kind in DETECTORS}


@dataclass(frozen=True)
class Asked:
    """What the page asks: the case, the detector, and how often normal images may be flagged."""

    case: FamiliarCase
    method: Detector
    alpha: float


def open_own(subject: Subject) -> None:
    """Images of the person's own."""
    familiar_sources.open_own(subject.case.model)


def question(subject: Subject) -> str:
    """The question of the page in words."""
    return f"Asking **{plain(subject.case.model.title)}**: has it seen anything like this image?"


def choose(subject: Subject) -> Asked:
    """Normal images, unknown images, detector and line; the page ends here without a case."""
    left, middle, right = st.columns(3)
    model, seed = subject.case.model, subject.case.seed
    with left:
        normal = familiar_sources.choose_normal(subject)
    if normal is None:
        st.stop()
    with middle:
        unknown = familiar_sources.choose_unknown(normal, model, seed)
    with right:
        alpha = choose_alpha()
    case: FamiliarCase | None = None
    with spoken():
        group = familiar_sources.group_of(subject, normal)
        case = FamiliarCase(model, subject.case.image, normal, unknown, group, seed)
    if case is None:
        st.stop()
    return Asked(case, choose_detector(subject, case), alpha)


def choose_alpha() -> float:
    """How often a normal image may be flagged."""
    key = f"{KEY}.alpha"
    words = {f"{100 * one:g} %": one for one in ALPHAS}
    refuse(key, words, "False alarms", "one of " + ", ".join(words))
    picked = st.selectbox(
        "False alarms allowed", list(words), ALPHAS.index(USUAL), key=key, bind="query-params",
        help="The line is drawn so that at most this share of normal images lies above it. It can "
        "also be dragged.",
    )  # fmt: skip
    return words[picked]


def choose_detector(subject: Subject, case: FamiliarCase) -> Detector:
    """One detector with its settings; those that do not fit the model are named with the reason."""
    fitting = {kind.title: kind for kind in DETECTORS if not kind.unmet(case)}
    key = f"{KEY}.detector"
    refuse(key, fitting, "Detector", "one of " + ", ".join(fitting))
    first = TITLES[FIRST] if TITLES[FIRST] in fitting else next(iter(fitting))
    picks, more = st.columns([6, 1], vertical_alignment="bottom")
    title = picks.pills(
        "How unusual is told by", list(fitting), default=first, required=True, key=key,
        bind="query-params",
    )  # fmt: skip
    kind = fitting[title]
    refuse_links(kind, f"{KEY}.{kind.name}", subject.case)
    with more.popover("Settings"):
        method = method_form(kind, f"{KEY}.{kind.name}", subject.case)
        if not kind.__dataclass_fields__:
            st.caption("It has none.")
    for one in DETECTORS:
        if reason := one.unmet(case):
            st.caption(plain(f"{one.title}: {reason}"))
    return method


def answered(asked: Asked) -> Answer:
    """The detector's answer; features of data sets are made first, with their progress shown."""
    slots = [f"{KEY}.fit", f"{KEY}.held", f"{KEY}.unknown", f"{KEY}.{asked.method.name}"]
    runs.leave_others(KEY, slots)
    return after_features(asked.method, asked.case, f"{KEY}.{asked.method.name}")


def after_features(method: Method[FamiliarCase], case: FamiliarCase, slot: str) -> Answer:
    """An answer; where it is not known, the features it rests on come first."""
    if run.known(method, case) is None:
        parts = zip(("fit", "held", "unknown"), case.parts, strict=True)
        found = [
            runs.ask(Extract(), part, f"{KEY}.{word}") for word, part in parts if part is not None
        ]
        if not all(isinstance(one, Answer) for one in found):
            runs.watch(found)
            st.stop()
    return runs.answer(method, case, slot)


# ---------------------------------------------------------------- the finding


def show(asked: Asked, found: Answer) -> None:
    """The sentence, the histogram with its line, the evidence, and a closer look."""
    st.subheader(plain(sentence(found)))
    if hint := few(asked, found):
        st.markdown(plain(hint))
    judged(asked, found)
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.markdown("**What the score is made of**")
        familiar_charts.evidence(found, KEY)
    with right:
        nearest(asked, found)
    if isinstance(asked.method, COSTARR):
        familiar_charts.factors(found, KEY)
        familiar_charts.dimensions(found, KEY)
    closer(asked, found)
    explain(asked, found)


def sentence(found: Answer) -> str:
    """How unusual the image is, in one sentence."""
    total, _, least = (int(one) for one in found["counts"].values)
    below = total - least
    if below == total:
        return f"More unusual than every one of {total} normal images."
    if below <= total / 2:
        return f"Nothing unusual: {least} of {total} normal images are at least as unusual."
    return f"More unusual than {below} of {total} normal ones."


def few(asked: Asked, found: Answer) -> str:
    """A warning where the normal images are too few to say much."""
    total, floor = int(found["counts"].values[0]), float(found["smallest"].values[2])
    if np.isfinite(floor) and (groups := round(1 / floor) - 1) < FEW:
        word = group_word(asked.case.normal)
        return (
            f"These {total} normal images come from only {groups} {word}s, which are alike among "
            "themselves: take it as a hint, and bring a folder of your own for more."
        )
    if total < FEW:
        return f"Only {total} normal images are compared with: take it as a hint."
    return ""


@st.fragment
def judged(asked: Asked, found: Answer) -> None:
    """Histogram, line, p-values and what the line promises; moving the line reruns only this."""
    ruler = ruler_of(found["normal"])
    first, problem = first_line(ruler, asked.alpha)
    line = histogram(shown(found, first), sentence(found), f"{KEY}.histogram")
    if problem:
        st.caption(plain(problem))
    left, right = st.columns(2, gap="large")
    with left:
        p_values(asked, found)
    with right:
        promise(found, ruler, line)
    if "unknown" in found.views:
        with st.expander("How well this tells the unknown images, and where the line stands", True):
            familiar_charts.curves(found, line, KEY)


def first_line(ruler: Conformal, alpha: float) -> tuple[float, str]:
    """Where the line begins; above every normal image, and why, when α cannot be promised."""
    try:
        return ruler.threshold(alpha), ""
    except BadSetting as error:
        return float(ruler.scores.max()), str(error)


def shown(found: Answer, line: float) -> Shown:
    """The scores that the histogram shows."""
    views: dict[str, Any] = dict(found)
    normal = as_doubles(views["normal"])
    same = np.array_equal(views["normal"].ids, views["held"].ids)
    held = normal if same else as_doubles(views["held"])
    unknown = as_doubles(views["unknown"]) if "unknown" in views else np.empty(0)
    score = float(views["subject"].values[0])
    return Shown(normal, held, unknown, score, line, views["subject"].unit)


def as_doubles(view: Any) -> Any:
    """Scores in float64."""
    return np.asarray(view.values, np.float64)


def p_values(asked: Asked, found: Answer) -> None:
    """The p-value of the image, within its class and by group, each with its smallest value."""
    p, floor = found["p"].values, found["smallest"].values
    _, own, _ = (int(one) for one in found["counts"].values)
    model, seen = asked.case.model, int(found["subject"].predicted[0])
    label = plain(model.labels[seen])
    by_class = st.toggle(
        "Compare within its class only", key=f"{KEY}.by-class", bind="query-params",
        help=f"With the normal images in which the model sees the same: {model.labels[seen]}.",
    )  # fmt: skip
    lines = []
    if by_class and np.isfinite(p[1]):
        lines.append(value_line(f"p-value among {own} images seen as {label}", p[1], floor[1]))
    else:
        lines.append(value_line("p-value among all normal images", p[0], floor[0]))
        if by_class:
            lines.append(f"Fewer than 20 normal images are seen as {label}, so all are compared.")
    if np.isfinite(p[2]):
        word = group_word(asked.case.normal)
        lines.append(value_line(f"p-value counted by {word}", p[2], floor[2]))
    lines.append(
        "It is the share of normal images at least as unusual, this one counted in. It says how "
        "unusual the image is, not what is wrong with it."
    )
    st.markdown("  \n".join(lines))


def value_line(words: str, p: float, floor: float) -> str:
    """A p-value and the smallest that could have been reached."""
    return f"**{words}: {p:.3g}** (the smallest that can be reached here is {floor:.2g})"


def promise(found: Answer, ruler: Conformal, line: float) -> None:
    """What the line promises, how sure that is, and how normal images that it never saw fare."""
    above = int((ruler.scores > line).sum())
    alpha = (above + 1) / (len(ruler) + 1)
    score = float(found["subject"].values[0])
    verdict = "lies above the line" if score > line else "does not lie above the line"
    lines = [f"**This image {verdict}.**"]
    if alpha < 1:
        low, high = ruler.band(alpha)
        lines.append(
            f"The line promises at most {percent(alpha)} false alarms; with {len(ruler)} normal "
            f"images the true rate lies between {percent(low)} and {percent(high)} "
            "(nine times in ten)."
        )
    held = found["held"]
    if not np.array_equal(held.ids, found["normal"].ids):
        alarms = int((held.values > line).sum())
        calm = 1 - alarms / len(held.values)
        lines.append(
            f"A normal image stays calm: {percent(calm)} of {len(held.values)} other normal images "
            f"stay below the line ({alarms} false alarms)."
        )
    st.markdown("  \n".join(lines))


def percent(share: float) -> str:
    """A share with as many digits as it needs."""
    return f"{100 * share:.3g} %"


def nearest(asked: Asked, found: Answer) -> None:
    """The image, and the normal images whose features are most like its own."""
    st.markdown("**The nearest normal images**")
    if "nearest" not in found.views:
        st.caption("This model has no features to compare.")
        return
    data = asked.case.normal
    rows = found["nearest"].values[:NEAREST]
    places = data.places(rows[:, 0].astype(np.int64))
    columns = st.columns(3)
    for at, (place, (number, distance)) in enumerate(zip(places, rows, strict=True)):
        picture = data.images[place].transpose(1, 2, 0)
        pixels = np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
        label = data.classes[data.labels[place]]
        columns[at % 3].image(
            enlarged(pixels), output_format="PNG", width="stretch",
            alt=f"Normal image {number:.0f}, {label}, at distance {distance:.2f}",
            caption=plain(f"{label}, id {number:.0f}: {distance:.2f}"),
        )  # fmt: skip
    st.caption("Distances are between directions of features, from 0 (the same) to 2.")


# ---------------------------------------------------------------- a closer look


def closer(asked: Asked, found: Answer) -> None:
    """All detectors, images made worse, or the model it was made from."""
    parent = familiar_sources.parent(asked.case.model)
    offered: dict[str, Callable[[], None]] = {
        "Every detector": lambda: every_detector(asked),
        "Made worse": lambda: made_worse(asked),
    }
    if parent is not None:
        offered["Beside its parent"] = lambda: beside(asked, found, parent)
    key = f"{KEY}.closer"
    refuse(key, offered, "Look closer", "one of " + ", ".join(offered))
    if st.session_state.get(key) not in {None, *offered}:
        del st.session_state[key]
    picked = st.segmented_control(
        "Look closer", list(offered), default="Every detector", required=True, key=key,
        bind="query-params",
    )  # fmt: skip
    offered[picked]()


def every_detector(asked: Asked) -> None:
    """The ranking of detectors on this image."""
    odin = st.toggle(
        "With ODIN", key=f"{KEY}.Compare.odin", bind="query-params",
        help="It needs a way back through the network for every normal image.",
    )  # fmt: skip
    outcome = runs.ask(Compare(odin=odin), asked.case, f"{KEY}.Compare")
    if not isinstance(outcome, Answer):
        runs.watch([outcome])
        return
    familiar_charts.ranking(outcome, TITLES, KEY)
    st.caption(Compare.about().replace("\n", " "))


def made_worse(asked: Asked) -> None:
    """The image and normal ones made worse, step by step."""
    if reason := Corrupt.unmet(asked.case):
        st.caption(plain(f"{Corrupt.title}: {reason}"))
        return
    name = asked.method.name if asked.method.name in {kind.name for kind in QUICK} else FIRST
    refuse_links(Corrupt, f"{KEY}.Corrupt")
    left, right = st.columns([1, 3], gap="large")
    with left:
        spec = Corrupt.__dataclass_fields__["kind"]
        kind = st.selectbox(
            spec.metadata["label"], spec.metadata["control"].options, key=f"{KEY}.Corrupt.kind",
            bind="query-params",
        )  # fmt: skip
        steps = {f"{one:g}" for one in LEVELS}
        refuse(f"{KEY}.severity", steps, "Severity", "a step of the slider")
        severity = st.select_slider(
            "Severity", LEVELS, LEVELS[0], key=f"{KEY}.severity", bind="query-params",
            format_func=lambda one: f"{one:g}",
        )  # fmt: skip
        image = corrupted(asked.case.image[None], kind, severity, asked.case.seed)[0]
        pixels = np.rint(image.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
        st.image(enlarged(pixels), output_format="PNG", width="stretch",
                 alt=f"This image with {kind} of severity {severity:g}")  # fmt: skip
    with right:
        outcome = runs.ask(Corrupt(kind, name), asked.case, f"{KEY}.Corrupt")
        if not isinstance(outcome, Answer):
            runs.watch([outcome])
            return
        at = LEVELS.index(severity)
        familiar_charts.steps(outcome, at, asked.alpha, KEY)
        label = asked.case.model.labels[int(outcome["classes"].values[at])]
        st.caption(plain(f"At this step the model sees: {label}. Scores are {name}'s."))


def beside(asked: Asked, found: Answer, parent: Any) -> None:
    """The same question to the model that this one was made from."""
    case = replace(asked.case, model=parent)
    other = after_features(asked.method, case, f"{KEY}.parent")
    rows = [(asked.case.model.title, found), (f"{parent.title} (parent)", other)]
    familiar_charts.drift(rows, f"{KEY}.drift")
    st.caption(
        "Scores of two models are not on one scale; p-values and shares are. The same normal and "
        "unknown images were shown to both."
    )


# ---------------------------------------------------------------- how it was made


def explain(asked: Asked, found: Answer) -> None:
    """What am I looking at, what was done otherwise than usual, and how it was made."""
    with st.expander("What am I looking at?"):
        st.markdown(type(asked.method).about())
        if asked.method.paper:
            st.markdown(f"Reference: {asked.method.paper}")
        if "nearest" in found.views:
            charts.table(found["nearest"], f"{KEY}.nearest")
        st.download_button(
            "JSON", lambda: as_json(found), "blindspot-familiar.json", "application/json",
            key=f"{KEY}.json",
        )  # fmt: skip
    for note in found["notes"].labels:
        if found["notes"].values[0]:
            st.caption(plain(note))
    card = asked.case.normal.card
    st.caption(plain(f"Normal images: {card.title}. {card.about} {card.made}"))
    st.caption(plain(provenance(found)))


def provenance(answer: Answer) -> str:
    """One line: which model, which method, among what, how long, and whether it was kept."""
    said = answer.record
    case = said["case"]
    kept = "kept from before" if answer.kept else "fresh"
    return (
        f"{case['model']} {case['model_fingerprint'][:8]} · {said['method']} r{said['revision']} · "
        f"among {case['normal']} · {said['seconds']:.2g} s on {said['device']}, {kept}"
    )
