"""A page of one section, and the method that it asks."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import streamlit as st

from components import section
from engine.core.case_base import Case
from engine.core.charts.bars import Bars
from engine.core.charts.drawing import Drawing
from engine.core.method import Method, Progress, quiet
from engine.core.result import Result, Table


@dataclass(frozen=True, eq=False)
class Birds(Case):
    case_name: ClassVar[str] = "birds"
    what: ClassVar[str] = "birds"
    asks: ClassVar[str] = ""
    lane: ClassVar[str] = "cpu"

    reason: str = ""

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"target": "three kinds"}

    def lacks(self, need: str) -> str:
        return self.reason


@dataclass(frozen=True)
class Counted(Method[Birds]):
    """How many birds of each kind there are."""

    name = title = "Counted"
    family = "toys"
    cost = "wait"
    needs = frozenset({"bird"})
    running = threading.Event()
    let_go = threading.Event()

    def finding(self, case: Birds, found: Mapping[str, Any]) -> str:
        return f"Owls lead with {found['table'].cell('owl', 'birds'):.0f}."

    def __call__(self, case: Birds, progress: Progress = quiet) -> Result:
        progress(0.5, "counting", {"table": table(2)})
        self.running.set()
        while not self.let_go.wait(0.01):
            progress(0.5, "counting", {"table": table(2)})
        return {"table": table(3)}


@dataclass(frozen=True)
class CountedBefore(Counted):
    """What another question rests on."""

    name = "CountedBefore"
    title = "Counted before"


def table(owls: int) -> Table:
    return Table.of({"birds": ([1.0, owls], "")}, ("cat", "owl"))


def draw(controlled=False, apart=False, lacking=False, **chosen):
    above = st.container()
    if controlled:
        controls, chosen["below"] = st.container(), st.container()
        controls.markdown("the controls")
    if apart:
        st.markdown("the rest of the view")
        chosen["provenance"] = st.container()
    bars = Drawing("table", "How many", Bars(value="birds"), lambda result: "owl has most")
    with above:
        section.Section(
            "birds",
            Counted(),
            Birds("there is no such bird." if lacking else ""),
            picture=lambda result: st.markdown("the picture"),
            evidence=(bars,),
            detail=lambda result: st.markdown("the detail"),
            **chosen,
        ).show()
