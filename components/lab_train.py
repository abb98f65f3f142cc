"""The part "Train": choose data and a recipe, watch the curves, keep the model."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from components import curves, forms, lab, lab_unfinished, runs
from components.lab import Wanted
from components.links import refuse
from components.notices import plain, spoken
from components.runs import Outcome, Pending, Problem
from components.targets import MOST_SEED, is_seed
from components.views import HEATMAPS
from engine.data import DataSet
from engine.data import entry as data_entry
from engine.data.registry import cached
from engine.lab import Train, TrainCase, keep, keep_when_done
from engine.models import checkpoints, embedded
from engine.models.card import Card
from engine.models.checkpoints import Stored
from engine.models.small import TITLES
from engine.result import Result, TrainLog
from engine.run import Answer
from engine.training import Recipe

KEY = "lab.recipe"
SLOT = "lab.training"
FIRST = ("architecture", "epochs", "batch", "optimizer", "rate")
OWN = "my own"
SHORT = {
    "train accuracy": "Train", "validation accuracy": "Validation", "test accuracy": "Test",
    "balanced test accuracy": "Test by class",
}  # fmt: skip


def draw() -> None:
    """Data and recipe on the left, what comes of them on the right."""
    left, right = st.columns([1, 2], gap="large")
    with left:
        kind = lab.pick(told=False)
        wanted = lab.settle(kind)
        recipe = choose_recipe()
        seed = choose_seed()
    with right:
        lab_unfinished.draw()
        data = whole(wanted) if wanted else None
        if data is not None:
            with spoken():
                ask(TrainCase(data, recipe, seed))


def whole(wanted: Wanted) -> DataSet | None:
    """All of the data; what takes long to make is made when told."""
    if wanted.first and cached(wanted.name) is None:
        st.info("These images are not made yet; a training needs all of them.")
        if not st.button("Make the images", key="lab.all", type="primary"):
            return None
    return lab.load(wanted.name)


def choose_recipe() -> Recipe:
    """Every setting of a training; what is moved seldom is folded away."""
    st.markdown("**Recipe**")
    plans = {plan.title: plan for plan in embedded.plans().values()}
    st.selectbox(
        "Begin from", [OWN, *plans], key="lab.plan", on_change=follow_plan,
        help="Sets data and recipe as a model that ships was trained; then change what you like.",
    )  # fmt: skip
    forms.refuse_links(Recipe, KEY, title="Recipe")
    given = forms.settings(Recipe, KEY, FIRST)
    with st.expander("More settings"):
        rest = [spec.name for spec in fields(Recipe) if spec.name not in FIRST]
        given |= forms.settings(Recipe, KEY, rest)
    return Recipe(**given)


def follow_plan() -> None:
    """The form shows the recipe that was picked; a rate between two stops goes to the nearer."""
    plans = {plan.title: plan for plan in embedded.plans().values()}
    if (plan := plans.get(st.session_state["lab.plan"])) is None:
        return
    for spec in fields(Recipe):
        value = getattr(plan.recipe, spec.name)
        control = spec.metadata["control"]
        if getattr(control, "log", False):
            value = nearest(forms.marks(control, getattr(Recipe, spec.name)), value)
        st.session_state[f"{KEY}.{spec.name}"] = value
    st.session_state["lab.data"] = data_entry(plan.data).card.title


def nearest(marks: list[float], value: float) -> float:
    """The stop of a slider that is nearest."""
    return min(marks, key=lambda mark: abs(mark - value))


def choose_seed() -> int:
    """Of first weights and the order of the images."""
    refuse("lab.seed", is_seed, "Seed", f"a whole number from 0 to {MOST_SEED}")
    return int(
        st.number_input(
            "Seed of the training", 0, MOST_SEED, 0, key="lab.seed", bind="query-params",
            persist_state="session", help="Another seed shows how much of a figure is chance.",
        )
    )  # fmt: skip


def ask(case: TrainCase) -> None:
    """The button, and then how it goes."""
    st.subheader("Train")
    train = len(case.data.rows("train"))
    st.markdown(
        f"**{plain(TITLES[case.recipe.architecture])}** on **{plain(case.data.card.title)}**: "
        f"{train:,} images to learn from, {case.recipe.epochs} epochs, seed {case.seed}."
    )
    outcome = runs.ask_when_told(Train(), case, SLOT, "Train")
    if outcome is None:
        st.caption(
            "It goes on when you change the page or close it, and can be stopped at any time. "
            "Its seconds are told here once it was run on this computer."
        )
        return
    follow(outcome, SLOT)


def follow(outcome: Outcome, slot: str) -> None:
    """Progress with live curves, or the finished model."""
    runs.watch([outcome], live=lambda partial: live(partial, slot))
    match outcome:
        case Pending(job=job):
            keep_when_done(job)  # type: ignore[arg-type]
            awaited().add(job.name)
        case Problem(partial=partial) if partial is not None:
            st.caption("What it had learned when it was stopped:")
            live(partial, slot)
        case Answer():
            finished(outcome, slot)
        case _:
            pass


def awaited() -> set[str]:
    """The trainings that this session waits for."""
    names: set[str] = st.session_state.setdefault("lab.awaited", set())
    return names


def live(partial: Result, slot: str) -> None:
    """The curves so far."""
    log = partial.get("log")
    if isinstance(log, TrainLog):
        curves.training(log, f"{slot}.live")


def finished(answer: Answer, slot: str) -> None:
    """Figures, the model, and its curves."""
    figures = answer["figures"]
    columns = st.columns(len(figures.labels))
    for column, label, value in zip(columns, figures.labels, figures.values, strict=True):
        short = SHORT.get(label, "Test, attacked")
        column.metric(short, f"{value:.1%}".replace("%", " %"), help=f"Right answers: {label}.")
    with spoken():
        model = kept(answer, slot)
        if model is not None:
            st.success(
                f"Kept as a model: {plain(model.card.trail)}, {model.nbytes / 1000:,.0f} kB. "
                "It can be chosen in the sidebar on every page.",
                icon=":material/inventory_2:",
            )
            take(model.name, f"{slot}.take")
    curves.training(answer["log"], slot)
    curves.numbers(answer["log"])


def kept(answer: Answer, slot: str) -> Stored | None:
    """The answer's model; one that was deleted is not brought back unasked."""
    digest = str(answer.record["digest"])
    name = checkpoints.PREFIX + checkpoints.short(answer_fingerprint(answer))
    if digest in awaited():
        awaited().discard(digest)
        keep(answer)
        st.rerun()  # so that the sidebar offers it at once
    if any(one.name == name for one in checkpoints.listed()):
        return checkpoints.stored(name)
    st.info("This training was done before; its model is not among the models.")
    if st.button("Keep the model", key=f"{slot}.keep"):
        keep(answer)
        st.rerun()
    return None


def answer_fingerprint(answer: Answer) -> str:
    """The fingerprint that the model's card has."""
    return Card.from_json(answer["model"].card).fingerprint


def take(name: str, key: str) -> None:
    """A button that makes it the subject's model and opens Heatmaps.

    A link with the model in it would not do: the sidebar's picker keeps what it has.
    """

    def choose() -> None:
        st.session_state["model"] = name

    label = "Take it to Heatmaps"
    if st.button(label, key=key, icon=HEATMAPS.icon, on_click=choose, type="primary"):
        st.switch_page(
            HEATMAPS.path, query_params={}
        )  # without {} Streamlit refuses, for bound ones
