"""The tray: pin on a view, move and remove, compare, and the report."""

import gc
import re
import weakref
from dataclasses import replace

import numpy as np
import pytest

from components.report import tray
from components.views import MINIMAL_REGIONS, TRAY
from components.widgets import hand_over, viewer
from components.widgets.wording import how_alike
from engine.core.charts.words import signed
from engine.evaluation.measures.agreement import matrix
from engine.vision.models import catalog
from tests import tiny
from tests.visits import problems, settled, visit, words


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(catalog, "load", lambda name="": tiny.cnn())


def press(at, key):
    return at.button(key=key).click().run()


def to(at, view):
    return settled(at.switch_page(str(view.path)).run())


@pytest.fixture
def two():
    """Heatmaps with both of its maps pinned."""
    at = settled(visit())
    for key in ("heatmaps.GradCam.pin", "heatmaps.Gradient.pin"):
        press(at, key)
    return at


def tray_of(at):
    return at.session_state["report.tray"]


def titles(at):
    return [pinned.title for pinned in tray_of(at)]


def entry(at):
    """The labels of links in the page's header."""
    return [link.proto.label for link in at.main.get("page_link") if "Tray" in link.proto.label]


def test_what_is_pinned_is_counted_on_every_page_and_listed_in_the_tray(two):
    assert "Pinned. The tray holds 2 results." in words(two)
    assert entry(two) == ["Tray (2)"]
    at = to(two, MINIMAL_REGIONS)
    assert entry(at) == ["Tray (2)"]
    at = to(at, TRAY)
    headers = [line.value for line in at.main.header]
    maps = [pinned.maps[0].heat.values for pinned in tray_of(at)]
    order = matrix([("a", maps[0]), ("b", maps[1])]).values[0, 1]
    agree = f"Grad-CAM and Gradient {how_alike(order)} (rank correlation {signed(order)})."
    assert headers == [f"2 results are pinned. {agree}", "Report"]
    assert "1. Grad-CAM" in words(at)
    assert "2. Gradient" in words(at)


def test_a_pinned_map_is_the_answer_s_over_what_the_model_saw_and_is_pinned_once(two):
    first = tray_of(two)[0]
    subject = two.session_state["subject"]
    assert first.record["case"]["model_fingerprint"] == subject.case.model.fingerprint
    assert first.maps[0].heat.values.shape == (32, 32)
    assert first.maps[0].pixels.shape == first.maps[0].ground.shape
    assert not np.array_equal(first.maps[0].pixels, first.maps[0].ground)
    assert "square" in " ".join(first.maps[0].lines)
    facts = dict(first.record["case"]) | {"model": "digits-cnn", "target": "3"}
    named = replace(first, record=dict(first.record) | {"case": facts})
    assert named.told_of(tray.titles()) == "Digits CNN · 3"
    assert named.about == "digits-cnn · 3"  # where its title is not known
    press(two, "heatmaps.GradCam.pin")
    assert "This is pinned already" in words(two)
    assert titles(two) == ["Grad-CAM", "Gradient"]


def test_how_far_maps_of_different_images_agree_is_not_said(two):
    _, second = tray_of(two)
    other = replace(second.maps[0], ground=255 - second.maps[0].ground)
    tray_of(two)[1] = replace(second, maps=(other, *second.maps[1:]))
    assert to(two, TRAY).main.header[0].value == "2 results are pinned."


def test_a_full_tray_says_what_to_do_and_loses_nothing(two, monkeypatch):
    monkeypatch.setattr(tray, "MOST", 2)
    at = to(two, MINIMAL_REGIONS)
    press(at, "minimal.LiMA.pin")
    assert "The tray holds 2 results. Open it, download the report" in words(at)
    monkeypatch.setattr(tray, "MOST", 40)
    monkeypatch.setattr(tray, "ROOM", 1)
    press(at, "minimal.LiMA.pin")
    assert "would hold more than" in words(at)
    assert titles(at) == ["Grad-CAM", "Gradient"]


def test_a_result_outlives_its_model_and_the_tray_says_so(two, monkeypatch):
    name = two.session_state["report.tray"][0].model
    entries = catalog.entries()
    addition = replace(entries[0], name=name)  # as if the network of the test had been made here
    monkeypatch.setattr(catalog, "entries", lambda: (*entries, addition))
    tray_of(two).clear()
    press(two, "heatmaps.GradCam.pin")
    press(two, "heatmaps.Gradient.pin")
    at = to(two, TRAY)
    assert "was removed since" not in words(at)
    monkeypatch.setattr(catalog, "entries", lambda: entries)
    at.run()
    assert words(at).count("was removed since. What is pinned stays") == 2
    press(at, "report.make")
    assert at.session_state["report.made"][1].count("<article") == 2
    at.button_group(key="report.compare.way").set_value("Difference").run()


def test_forty_results_are_listed_chosen_from_and_filed(two):
    pinned = tray_of(two)[0]
    names = [{"name": f"{at:02d}", "title": f"Map {at}"} for at in range(tray.MOST)]
    tray_of(two)[:] = [replace(pinned, **name) for name in names]
    at = to(press(two, "heatmaps.Gradient.pin"), TRAY)
    assert len(tray_of(at)) == tray.MOST  # a further one is refused
    assert f"{tray.MOST}. Map {tray.MOST - 1}" in words(at)
    press(at, "report.make")
    html = at.session_state["report.made"][1]
    assert html.count("<article") == tray.MOST
    assert f"Report of {tray.MOST} results" in html
    assert html.count('class="shown"') == tray.MOST


def test_the_trays_of_all_visitors_are_bounded_together(two, monkeypatch):
    other = settled(visit())
    monkeypatch.setattr(tray, "ROOM_OF_ALL", sum(pinned.nbytes for pinned in tray.ALL_PINNED))
    press(other, "heatmaps.GradCam.pin")
    assert "The trays of all visitors are full: together they hold at most" in words(other)
    assert not titles(other)
    first = two.session_state["report.tray"][0].name
    press(to(two, TRAY), f"tray.remove.{first}")
    press(other, "heatmaps.GradCam.pin")
    assert titles(other) == ["Grad-CAM"]


def test_the_tray_of_a_visitor_who_left_takes_no_room(two):
    mine = weakref.WeakSet(two.session_state["report.tray"])
    assert set(mine) <= set(tray.ALL_PINNED)
    two.session_state["report.tray"].clear()  # as Streamlit does when a session ends
    gc.collect()
    assert not mine


def test_maps_of_one_unit_are_on_one_scale_and_subtracted(two):
    two.selectbox(key="heatmaps.Gradient.channels").set_value("size").run()
    press(settled(two), "heatmaps.Gradient.pin")
    pinned = tray_of(two)
    slopes, size = (result.maps[0].heat for result in pinned[1:])
    unsigned_map = replace(size, values=slopes.values, signed=False)
    pinned[1] = replace(pinned[1], maps=(replace(pinned[1].maps[0], heat=unsigned_map),))
    pinned.pop(0)
    at = to(two, TRAY)
    assert "Both on one scale." in words(at)
    low = min(unsigned_map.values.min(), size.values.min())
    assert viewer.short_number(float(low)) in words(at)
    at.button_group(key="report.compare.way").set_value("Difference").run()
    text = words(at)
    assert "Left minus right, on the scale of the maps" in text
    difference = replace(unsigned_map, values=unsigned_map.values - size.values, signed=True)
    assert viewer.finding(difference) in text


def test_the_tray_compares_reports_moves_and_removes_and_says_how_it_is_filled(two):
    at = to(two, TRAY)
    assert len({pinned.maps[0].heat.unit for pinned in tray_of(at)}) == 2
    assert "Each keeps its own scale." in words(at)
    at.button_group(key="report.compare.way").set_value("Difference").run()
    assert "A difference would compare different things" in " ".join(problems(at))
    press(at, "report.make")
    names, html = at.session_state["report.made"]
    first, second = (pinned.name for pinned in tray_of(at))
    assert names == [first, second]
    assert html.count("<article") == 2
    at.multiselect(key="report.chosen").set_value([second]).run()
    assert not any(file.proto.id.endswith("report.take") for file in at.get("download_button"))
    press(at, "report.make")
    assert at.session_state["report.made"][1].count("<article") == 1
    press(at, f"tray.Down.{first}")
    assert titles(at) == ["Gradient", "Grad-CAM"]
    press(at, f"tray.remove.{first}")
    assert titles(at) == ["Gradient"]
    press(at, f"tray.remove.{second}")
    assert any("Nothing is pinned yet" in sentence for sentence in problems(at))
    assert entry(at) == []


@pytest.fixture
def saved(monkeypatch):
    """What is handed over to be saved."""
    files = []
    monkeypatch.setattr(hand_over, "mounted", lambda *_: lambda **more: files.append(more["data"]))
    return files


def test_one_answer_s_report_is_saved_with_one_press_and_pins_nothing(saved):
    at = press(settled(visit()), "heatmaps.Gradient.file-report")
    (file,) = saved
    assert (file["name"], file["type"]) == ("blindspot-report.html", "text/html")
    assert file["content"].count("<article") == 1
    assert "<h1>Gradient</h1>" in file["content"]
    assert "report.tray" not in at.session_state or not titles(at)
    at.run()
    assert len(saved) == 1
    press(at, "heatmaps.GradCam.file-report")
    assert "<h1>Grad-CAM</h1>" in saved[1]["content"]
    assert saved[1]["when"] != file["when"]


def test_the_report_of_one_answer_is_what_the_tray_makes_of_it(two, saved):
    press(two, "heatmaps.Gradient.file-report")
    at = to(two, TRAY)
    press(at, f"tray.remove.{at.session_state['report.tray'][0].name}")
    press(at, "report.make")
    reports = saved[0]["content"], at.session_state["report.made"][1]
    first, second = (re.sub(r"\d+ \w+ \d{4}, \d\d:\d\d UTC", "", html) for html in reports)
    assert first == second
