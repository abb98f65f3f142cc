"""Sections share one footer: one Share, one explanation, whatever each of them has by then."""

from dataclasses import dataclass, replace

import pytest
import streamlit as st

from components import section
from components.ending import end
from components.footer import footer, take_entries
from engine.core.method import Progress, quiet
from engine.core.result import Result
from tests.components.pages import page_of
from tests.components.sections import Birds, Counted, table
from tests.visits import settled

WHAT = "What am I looking at?"


@dataclass(frozen=True)
class BirdsSeen(Counted):
    """How many birds were seen."""

    name = title = "Seen"
    cost = "live"
    paper = "A paper on birds."

    def __call__(self, case: Birds, progress: Progress = quiet) -> Result:
        return {"table": table(4)}


@dataclass(frozen=True)
class BirdsHeard(BirdsSeen):
    """How many birds were heard."""

    name = title = "Heard"


@dataclass(frozen=True)
class Later(BirdsSeen):
    """What is counted later."""

    name = title = "Later"
    cost = "wait"
    paper = None


SEEN = ("seen", BirdsSeen(), Birds(), "Seen in spring")
SEEN_SECTION = section.Section(*SEEN, script=lambda: "seen()")
HEARD = ("heard", BirdsHeard(), Birds(), "Heard in autumn")
HEARD_SECTION = section.Section(*HEARD, script=lambda: "heard()")


def draw(parts, own):
    """Sections in one footer; `own` ones are in a fragment with one of its own."""

    @st.fragment
    @footer()
    def alone():
        for part in own:
            part.show()

    with footer():
        for part in parts:
            part.show()
        alone()
    st.markdown("the end")


def page(*parts, own=()):
    return settled(page_of(draw, parts, own))


def shares(at):
    return [popover for popover in at.get("popover") if popover.proto.popover.label == "Share"]


def explanations(at):
    return [expander for expander in at.expander if expander.label == WHAT]


def words(block):
    return [element.value for element in block.markdown]


def test_two_sections_share_one_menu_and_one_explanation_by_their_titles():
    at = page(SEEN_SECTION, HEARD_SECTION)
    (share,), (explained,) = shares(at), explanations(at)
    groups = [expander for expander in at.expander if expander.label != WHAT]
    assert [group.label for group in groups] == ["Seen in spring", "Heard in autumn"]
    for group, name in zip(groups, ("Seen", "Heard"), strict=True):
        assert [snippet.value for snippet in group.code] == [f"{name.lower()}()"]
        files = [button.proto.label for button in group.get("download_button")]
        assert files == [f"blindspot-{name}-table.csv", f"blindspot-{name}-record.json"]
    assert len(share.get("download_button")) == 4
    seen, heard = "How many birds were seen.", "How many birds were heard."
    paper = "Reference: A paper on birds."
    spring, autumn = ["**Seen in spring**", seen, paper], ["**Heard in autumn**", heard, paper]
    assert words(explained) == spring + autumn


def test_a_section_that_waits_or_is_asked_twice_is_explained_once():
    later = replace(SEEN_SECTION, key="later", method=Later(), title="", button="Later")
    at = page(SEEN_SECTION, later)
    (share,), (explained,) = shares(at), explanations(at)
    assert [snippet.value for snippet in share.code] == ["seen()"]
    assert [expander.label for expander in at.expander] == [WHAT]  # one answer needs no heading
    assert words(explained)[3:] == ["**Later**", "What is counted later."]
    at = page(SEEN_SECTION, replace(SEEN_SECTION, key="again", title="Seen again"))
    assert len(shares(at)[0].get("download_button")) == 4
    (explanation, _paper) = words(explanations(at)[0])
    assert explanation == "How many birds were seen."
    assert not explanations(page(replace(SEEN_SECTION, explained=False)))


def test_a_view_that_ends_early_has_its_footer_and_what_stands_below():
    at = page(SEEN_SECTION, replace(HEARD_SECTION, picture=lambda _: end()), own=[HEARD_SECTION])
    assert len(shares(at)) == len(explanations(at)) == 1  # of what was drawn before the end
    assert "the end" in words(at.main)


def test_a_fragment_and_a_section_without_a_footer_have_one_of_their_own():
    at = page(SEEN_SECTION, own=[HEARD_SECTION])
    codes = [[code.value for code in share.code] for share in shares(at)]
    assert codes == [["heard()"], ["seen()"]]
    at = settled(page_of(section.Section.show, SEEN_SECTION))
    assert len(shares(at)) == len(explanations(at)) == 1


def draw_closer():
    @st.fragment
    def closer(above):
        with footer(above):
            if st.toggle("closer"):
                HEARD_SECTION.show()

    with footer():
        SEEN_SECTION.show()
        closer(take_entries())


def test_a_fragment_that_ends_the_page_has_one_row_for_all_and_keeps_it_when_run_alone():
    at = page_of(draw_closer)
    for codes in (["seen()"], ["seen()", "heard()"]):
        at = settled(at)
        (share,), (explained,) = shares(at), explanations(at)
        assert [code.value for code in share.code] == codes
        assert len(words(explained)) == (2 if len(codes) == 1 else 6)
        at.toggle[0].set_value(True).run()


def test_an_error_in_one_view_leaves_nothing_to_the_next():
    with pytest.raises(ZeroDivisionError), footer():
        1 / 0  # noqa: B018 - the error is the point
    at = page(HEARD_SECTION)
    assert [[code.value for code in share.code] for share in shares(at)] == [["heard()"]]
