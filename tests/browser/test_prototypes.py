"""Prototypes: an answer's reasons are read, another reasoning is asked for, and an attack tries."""

from __future__ import annotations

import re

from playwright.sync_api import Page

from tests.browser.expecting import expect
from tests.browser.server import settle

PROVED = re.compile(r"Proved up to (\d+\.\d+) .*The attack turned it at (\d+\.\d+)")
LONG = 240  # seconds: torch is loaded, and others share the machine


def certified(page: Page) -> tuple[float, float]:
    """How far the answer is proved to hold, and where the attack turned it."""
    text = page.get_by_text(PROVED).first.inner_text()
    proved, turned = PROVED.search(text).groups()  # type: ignore[union-attr] - it was found by it
    return float(proved), float(turned)


def test_reasons_are_read_and_the_attack_does_not_beat_the_proof(app_url: str, page: Page) -> None:
    page.goto(f"{app_url}/prototypes")
    settle(page, LONG)
    expect(page.get_by_text(re.compile("What makes the score of"))).to_be_visible()
    expect(page.get_by_text(PROVED).first).to_be_visible()
    first = certified(page)
    assert 0 < first[0] < first[1]
    expect(page.get_by_text("What would flip it", exact=True)).to_be_visible()

    sentence = page.get_by_test_id("stMain").get_by_role("heading", level=2).first
    before = sentence.inner_text()
    page.get_by_role("radio", name="Present only").click()
    expect(sentence).not_to_have_text(before)
    settle(page, LONG)
    second = certified(page)
    assert 0 < second[0] < second[1]
    assert second != first
