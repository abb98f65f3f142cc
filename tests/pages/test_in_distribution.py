"""The in-distribution check as a visitor meets it: one line before any verdict."""

import threading

import pytest

from components import in_distribution
from components.in_distribution import FOREIGN
from components.views import ROOT, WHICH_EXPLANATION
from components.which_explanation.losses import WITHHELD
from engine.anomaly.protocol import pixel_bank
from engine.anomaly.protocol.pixel_bank import PixelBanks
from engine.core import run
from engine.core.keeping.memory import Memory
from engine.core.keeping.store import Store
from tests.visits import held_up, settled, visit, words

PAGES = sorted(ROOT.glob("pages/*/*.py"))
ASKING = [page for page in PAGES if "subject.current(" in page.read_text()]
DIGITS = {"image": "From a data set", "data": "Digits, 8 × 8", "model": "Digits MLP"}
ON = {"trust.on": "true"}


def test_every_view_that_asks_about_the_image_draws_the_line():
    silent = [page for page in ASKING if "in_distribution.show_usualness(" not in page.read_text()]
    assert (len(ASKING), silent) == (11, [])


def test_images_to_compare_with_are_made_in_the_lane_while_the_page_stays_free(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(run, "store", lambda: store)
    store = Store(tmp_path)
    monkeypatch.setattr(pixel_bank, "_banks", Memory(1))
    monkeypatch.setattr(in_distribution, "PATIENCE", 0.1)
    made_by = []
    plain = pixel_bank.bank_of

    def bank_of(data, side):
        made_by.append(threading.current_thread().name)
        return plain(data, side)

    monkeypatch.setattr(pixel_bank, "bank_of", bank_of)
    hold = held_up(monkeypatch, PixelBanks)
    try:
        at = visit(DIGITS)
        hold.begins(at)
        at.run()
        assert any(PixelBanks.title in bar.proto.text for bar in at.main.get("progress"))
        assert "held-out images of Digits" not in words(at)
        assert not made_by
    finally:
        hold.go.set()
    assert "held-out images of Digits" in words(settled(at))
    assert made_by == ["lane cpu"]


def test_of_a_foreign_image_no_map_gets_a_verdict():
    text = words(settled(visit({"model": "Digits MLP"} | ON)))
    assert FOREIGN in text
    assert "no verdict, because the image is not of the kind" in text
    assert not any(sign in text for sign in ("✓", "✗", "For it", "Against it"))


def test_of_a_photograph_it_is_said_that_nothing_was_measured():
    text = words(settled(visit({"image": "A cup of coffee"})))
    assert FOREIGN not in text
    assert "was not measured: too few photographs ship" in text
    assert "speaks against this being one" in text
    assert "no verdict, because" not in text


def test_a_digit_has_a_p_value_and_its_verdicts():
    text = words(settled(visit(DIGITS | ON)))
    assert "In-distribution check" in text
    assert "held-out images of Digits" in text
    assert "no verdict, because" not in text


@pytest.mark.parametrize(("link", "withheld"), [({"model": "Digits MLP"}, True), (DIGITS, False)])
def test_advice_is_withheld_for_a_photograph_asked_of_a_model_of_digits(link, withheld):
    headers = [header.value for header in settled(visit(link, WHICH_EXPLANATION)).main.header]
    assert (WITHHELD in headers) == withheld
    assert any("trust" in heading for heading in headers) != withheld
