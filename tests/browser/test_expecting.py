"""What is there twice for a moment is waited for; what stays twice is an error."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser import expecting
from tests.browser.expecting import expect


def test_two_for_a_moment_are_waited_for_and_two_that_stay_are_not(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.set_content("<p>After 1 epoch</p><p id='old'>After 1 epoch</p>")
    page.evaluate("setTimeout(() => document.getElementById('old').remove(), 500)")
    expect(page.get_by_text("After 1 epoch")).to_be_visible()

    page.set_content("<p>After 1 epoch</p><p>After 1 epoch</p>")
    monkeypatch.setattr(expecting, "SECONDS", 0.3)
    with pytest.raises(AssertionError, match="strict mode violation"):
        expect(page.get_by_text("After 1 epoch")).to_be_visible()
