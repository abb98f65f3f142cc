"""What Sweep crosses: images, models, methods, and values of up to two settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from components import uploads
from components.case_form import CaseForm
from components.picks import pick, pick_some
from engine.commands.asking import method_named
from engine.core.errors import BlindspotError
from engine.core.method import Method
from engine.sweep.plan import SweepPlan, plan_of
from engine.sweep.request import SAMPLED, SweepRequest, refusal, values_of, variable
from engine.vision import data as data_sets

KEY = "sweep"
NONE = "nothing"
AXES = 2  # settings that are varied at once
AT_FIRST = 2  # values of a setting
Settings = dict[str, dict[str, list[Any]]]


@dataclass(frozen=True)
class PlannedSweep:
    """What was chosen.

    Args:
        said: as a plan's file has it.
        plan: the same, made out; None where it cannot be had.
        problem: why.
        own: whether the images are of a file that only this session has.
        usual: whether the page opens with it.
    """

    said: Mapping[str, Any]
    plan: SweepPlan | None
    problem: str
    own: bool
    usual: bool

    @property
    def kinds(self) -> list[type[Method[Any]]]:
        return [method_named(name) for name in self.said["methods"]]


def choose() -> PlannedSweep:
    uploaded = {title: imported.data for title, imported in uploads.session_uploads().items()}
    form = CaseForm(SweepRequest, KEY)
    left, right = st.columns(2, gap="large")
    with left:
        name = form.ask("images", own={title: data.name for title, data in uploaded.items()})
        if name != SAMPLED:
            form.ask("count")
        several(form, "models", options(form, "models"))
    with right:
        several(form, "methods", options(form, "methods"))
        settings = vary([method_named(method_name) for method_name in form.given["methods"]])
    for data in uploaded.values():
        if data.name == name:
            data_sets.add(data)
    request = SweepRequest(**form.given)
    usual = request == SweepRequest() and not settings
    return planned(request.said(settings), own=name.startswith("upload"), usual=usual)


def options(form: CaseForm, name: str) -> list[tuple[str, str]]:
    return [(option.title, option.name) for option in form.kind.offered(name, form.given)]


def several(form: CaseForm, name: str, offered: list[tuple[str, str]]) -> None:
    key, titles = form.key_of(name), [title for title, _ in offered]
    names: set[str] = {option_name for _, option_name in offered}
    usual: Any = form.kind.specs()[name].default
    first = [option_name for option_name in usual if option_name in names] or [offered[0][1]]
    stored = st.session_state.get(key)
    if stored and not set(stored) <= set(titles):
        st.session_state[key] = [title for title, option_name in offered if option_name in first]
    form.ask(name, first=first, only=lambda option: option.name in names)


def vary(kinds: list[type[Method[Any]]]) -> Settings:
    settings: Settings = {}
    offered = variable(kinds)
    for number in range(AXES if offered else 0):
        label = "Vary a setting" if number == 0 else "Vary a second one"
        chosen = pick(label, [NONE, *offered], f"{KEY}.vary{number + 1}")
        if chosen == NONE:
            break
        method, spec = offered.pop(chosen)
        values = {
            f"{value:g}" if isinstance(value, float) else str(value): value
            for value in values_of(spec)
        }
        names = list(values)
        usual = next(
            (at for at, setting in enumerate(values.values()) if setting == spec.default), 0
        )
        begin = names[max(usual - 1, 0) :][:AT_FIRST]
        picked = pick_some("Values", names, f"{KEY}.{method}.{spec.name}", begin)
        if picked:
            settings.setdefault(method, {})[spec.name] = [
                values[picked_name] for picked_name in picked
            ]
    return settings


def planned(choices: Mapping[str, Any], *, own: bool, usual: bool) -> PlannedSweep:
    plan, problem = None, ""
    if not choices["methods"] or not choices["models"]:
        problem = "Choose at least one model and one method."
    else:
        try:
            with st.spinner("Making the images; the first time this may take a minute or two"):
                plan = plan_of(choices, Path())
            problem = refusal(plan)
        except BlindspotError as error:
            problem = str(error)
    return PlannedSweep(choices, None if problem else plan, problem, own, usual)
