"""Certificates as a visitor goes through them: read a certificate, then poison it."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.expecting import expect
from tests.browser.server import settle

FEW = {"partitions": 25, "spread": 2, "epochs": 8, "images": 50}  # so that it takes seconds
LINK = {"certificates.data": "Digits, 8 × 8", "certificates.PoisonVotes.count": 25}
LINK |= {f"certificates.Certificates.{name}": value for name, value in FEW.items()}
LONG = 240  # seconds: torch is loaded, and others share the machine
pytestmark = pytest.mark.timeout(900)


def test_a_certificate_is_read_and_its_images_are_poisoned(
    app_url: str, open_page: OpenPage
) -> None:
    page = open_page()
    page.goto(f"{app_url}/certificates?{urlencode(LINK)}")
    settle(page, LONG)
    page.get_by_role("button", name="Train the networks and certify").click()
    heading = page.get_by_role("heading", name=re.compile(r"^This \d (stays|is taken for) \d"))
    expect(heading.or_(page.get_by_role("heading", name="This is read as"))).to_be_visible(
        timeout=1000 * LONG
    )
    settle(page, LONG)
    reason = page.get_by_text(re.compile(r"^Weakest point: in the .*, against \d; \d+ poisons?"))
    needed = int(re.search(r"; (\d+) poison", reason.inner_text()).group(1))  # type: ignore[union-attr]
    page.get_by_role("button", name="Poison the training images").click()
    after = page.get_by_role("heading", name=re.compile(r"^After 25 poisons the answer is "))
    expect(after).to_be_visible(timeout=1000 * LONG)
    settle(page, LONG)
    held = page.get_by_text(re.compile(rf"^Certified up to {needed - 1}\. With the networks"))
    worst = re.search(r"in the worst case, it changes at (\d+)", held.inner_text())
    assert worst
    assert int(worst.group(1)) >= needed
