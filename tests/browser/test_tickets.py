"""The tape of a ticket: played or moved, it moves masks, curve, and what the networks say."""

import re

import pytest

from tests.browser.conftest import Visit
from tests.browser.expecting import expect
from tests.browser.server import settle
from tests.browser.test_scripts import CALM

WALL = "What stays of each layer at level"


@pytest.mark.slow
def test_a_level_back_moves_masks_curve_and_one_image_s_answer(visit: Visit) -> None:
    page = visit("tickets")
    first = page.get_by_role("heading", name=re.compile(r"the ticket is right on"))
    before = first.inner_text()
    expect(page.get_by_text("What stays of each layer at level 15")).to_be_visible()
    expect(page.get_by_text(re.compile("^How alike the seeds"))).to_be_visible()

    page.get_by_role("slider", name="Level").press("ArrowLeft")
    expect(page.get_by_text("What stays of each layer at level 14")).to_be_visible()
    settle(page)
    assert first.inner_text() != before
    expect(page).to_have_url(re.compile(r"tickets\.level=14"))
    expect(page.get_by_text(re.compile(r"^Ticket, 4\.4 %"))).to_be_visible()

    expect(page.get_by_text(re.compile("^Asked about a 6"))).to_be_visible()
    page.get_by_role("button", name=re.compile(": 5$")).first.press("Enter")
    expect(page.get_by_text(re.compile("^Asked about a 5"))).to_be_visible()
    expect(page.get_by_text("What stays of each layer at level 14")).to_be_visible()


def test_the_tape_is_played_and_ticket_and_new_start_are_compared_on_the_own_digit(
    visit: Visit,
) -> None:
    """From a digit that is pressed, level after level to the end, with the seeds' overlap."""
    page = visit("tickets", {"tickets.level": 13})
    page.get_by_role("button", name=re.compile(": 9$")).first.press("Enter")
    expect(page.get_by_text(re.compile("^Asked about a 9"))).to_be_visible()
    notes = page.get_by_text(re.compile(r"It says \w+, [\d.]+ % sure"))
    expect(notes).to_have_count(3)

    page.get_by_role("button", name="Play the levels").press("Enter")
    for level in (14, 15):
        expect(page.get_by_text(f"{WALL} {level},")).to_be_visible()
    expect(page.get_by_role("button", name="Play the levels")).to_be_visible()  # it has ended
    settle(page)
    expect(page).not_to_have_url(re.compile(r"tickets\.level=1[0-4]"))
    expect(page.get_by_text(re.compile(r"^Ticket, 3\.5 %"))).to_be_visible()
    expect(page.get_by_text(re.compile("^Asked about a 9; all maps are for 9"))).to_be_visible()
    expect(page.get_by_text(re.compile("^Same mask, new start$"))).to_be_visible()
    expect(notes).to_have_count(3)

    expect(page.get_by_text("How alike the seeds' tickets are at level 15")).to_be_visible()
    expect(page.get_by_text(re.compile("both keep .* masks drawn by chance"))).to_be_visible()


@pytest.mark.slow
def test_playing_begins_again_at_the_end_and_stops_where_a_person_moves_the_level(
    visit: Visit,
) -> None:
    page = visit("tickets", reduced_motion="reduce")
    page.get_by_role("button", name="Play the levels").press("Enter")
    expect(page.get_by_text(f"{WALL} 0,")).to_be_visible()  # from the last to the first
    expect(page.get_by_text(re.compile("^Same mask, new start$"))).to_be_visible()
    page.get_by_role("button", name="Pause the levels").press("Enter")
    settle(page)
    stands = page.get_by_text(WALL).inner_text()
    page.wait_for_timeout(2 * CALM)  # longer than a step is seen
    settle(page)
    expect(page.get_by_text(stands, exact=True)).to_be_visible()

    page.get_by_role("button", name="Play the levels").press("Enter")
    expect(page.get_by_role("button", name="Pause the levels")).to_be_visible()
    page.get_by_role("slider", name="Level").press("End")
    expect(page.get_by_text(f"{WALL} 15,")).to_be_visible()
    expect(page.get_by_role("button", name="Play the levels")).to_be_visible()
