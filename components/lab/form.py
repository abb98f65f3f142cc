"""The lab's form: which data set, with which settings, changed in which ways."""

from dataclasses import dataclass
from typing import Any, TypeGuard

import streamlit as st

from components import forms, uploads
from components.links import refuse
from components.notices import escape_markdown, show_problems
from components.picks import pick
from engine.core.result import Result
from engine.vision.data import DataSet, add, registry
from engine.vision.data.folders import Imported
from engine.vision.data.recipe import DataRecipe, Variant
from engine.vision.data.tabular import Cohort
from engine.vision.data.variants import VARIANTS

DATA, TRAIN, MODELS = PARTS = ("Data", "Train", "Models")
VARIANTS_BY_TITLE = {kind.title: kind for kind in VARIANTS}

Kind = type[DataRecipe] | type[Cohort] | Imported


@dataclass(frozen=True)
class DataRequest:
    """The data set that the form asks for."""

    base: str  # its name without variants
    variants: tuple[Variant, ...]
    first: str = ""  # the name of a smaller one, where making it all takes long

    @property
    def name(self) -> str:
        """Under which `load` has it."""
        return composed(self.base, self.variants)


def composed(base: str, variants: tuple[Variant, ...]) -> str:
    return "+".join([base, *(variant.name for variant in variants)])


def part() -> str:
    """Which of the three parts is open."""
    return pick("Part", PARTS, "lab.part", "segments", kept=True, label_visibility="collapsed")


def kinds(tables: bool) -> dict[str, Kind]:
    offered: dict[str, Kind] = {entry.card.title: entry.recipe for entry in registry.entries()}
    if tables:
        offered |= {table.card.title: table for table in registry.tables()}
    return offered | uploads.session_uploads()


def pick_data(told: bool) -> Kind:
    """The list of data sets; `told` says of each what is seen on it."""
    place = st.container()
    uploads.draw()
    offered = kinds(tables=told)
    with place:
        title = pick(
            "Data set",
            list(offered),
            "lab.data",
            "radio",
            kept=True,
            format_func=escape_markdown,
            rule="one of this list; your own are not part of a link",
            captions=[escape_markdown(kind_card(kind).about) for kind in offered.values()]
            if told
            else None,
        )
    return offered[title]


def is_table(kind: Kind) -> TypeGuard[type[Cohort]]:
    """Whether it is a table instead of images."""
    return isinstance(kind, type) and issubclass(kind, Cohort)


def kind_card(kind: Kind) -> Any:
    return kind.data.card if isinstance(kind, Imported) else kind.card


def data_settings(kind: Kind) -> DataRequest | None:
    """The settings of the data set and of its variants; None where it has no images."""
    if isinstance(kind, Imported):
        base = first = kind.data.name
    elif issubclass(kind, Cohort):
        return None
    else:
        forms.refuse_links(kind, f"lab.{kind.word}")
        recipe = kind(**forms.settings(kind, f"lab.{kind.word}"))
        base = recipe.name
        first = base if recipe.at_hand() else recipe.first().name
    variants = choose_variants()
    return DataRequest(base, variants, "" if first == base else composed(first, variants))


def choose_variants() -> tuple[Variant, ...]:
    refuse(
        "lab.variants",
        VARIANTS_BY_TITLE,
        "Change it",
        "one of " + ", ".join(VARIANTS_BY_TITLE),
        many=True,
    )
    titles = st.multiselect(
        "Change it",
        list(VARIANTS_BY_TITLE),
        key="lab.variants",
        bind="query-params",
        persist_state="session",
        placeholder="as it is",
        help="What is changed stays known. Several changes are made one after another.",
    )
    variants = []
    for title in titles:
        variant = VARIANTS_BY_TITLE[title]
        forms.refuse_links(variant, f"lab.{variant.word}")
        with st.expander(f"{title}: settings"):
            st.caption((variant.__doc__ or "").splitlines()[0])
            variants.append(variant(**forms.settings(variant, f"lab.{variant.word}")))
    return tuple(variants)


def load(name: str) -> DataSet | None:
    """The data set, with progress while it is made for the first time; None says why not."""
    for imported in uploads.session_uploads().values():
        add(imported.data)  # others may have pushed it out of the memory
    bar = st.empty()

    def told(done: float, words: str = "", partial: Result | None = None) -> None:  # noqa: ARG001
        bar.progress(min(done, 1.0), words)

    data = None
    with show_problems():
        data = registry.load(name, told)
    bar.empty()
    return data
