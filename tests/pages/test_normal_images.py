"""Normal images follow the kind of image, whatever was chosen before; links and own ones stay."""

import numpy as np
import pytest

from components.familiar import view as familiar
from components.views import FAMILIAR, HEATMAPS, WHERE_ODD
from components.where_odd import photograph, slices
from components.where_odd import view as where_odd
from engine.evaluation.detection import sources
from engine.evaluation.detection.healthy import HEALTHY_TWINS
from engine.vision.data import load
from tests import scans
from tests.components.sidebar.test_subject import jpeg, upload
from tests.visits import problems, visit

PHOTOGRAPHS = "Shipped photographs (very few)"
BRICK = "Texture: brick wall"
VIEWS = {"where": WHERE_ODD, "familiar": FAMILIAR}
views = pytest.mark.parametrize("key", VIEWS)


@pytest.fixture(autouse=True)
def nothing_is_computed(monkeypatch):
    for module in (familiar, where_odd, slices, photograph):
        monkeypatch.setattr(module, "show", lambda *_: None)
    digits = load("digits")  # in place of those that take long to draw
    monkeypatch.setattr(sources, "normal", lambda *_: digits)


def scan() -> bytes:
    """A small head of its own."""
    return scans.nifti(np.random.default_rng(3).integers(0, 900, (24, 24, 3)).astype(np.int16))


def normal_of(at, key: str) -> str:
    return at.selectbox(key=f"{key}.normal").value


@views
def test_a_scan_is_not_compared_with_the_photographs_of_the_image_before(key):
    at = visit({"image": "A cat (Chelsea)"}, VIEWS[key])
    assert normal_of(at, key) == PHOTOGRAPHS
    at.selectbox(key=f"{key}.normal").set_value(BRICK).run()
    at.selectbox(key=f"{key}.normal").set_value(PHOTOGRAPHS).run()  # by hand
    upload(at, "head.nii", scan())
    assert normal_of(at, key) == HEALTHY_TWINS
    at.selectbox(key=f"{key}.normal").set_value(BRICK).run()
    assert normal_of(at, key) == BRICK  # it can still be chosen
    at.selectbox(key="image").set_value("A cup of coffee").run()
    assert normal_of(at, key) == PHOTOGRAPHS


@views
def test_it_follows_an_image_that_was_changed_on_another_page(key):
    at = visit({"image": "A cat (Chelsea)", f"{key}.normal": PHOTOGRAPHS}, VIEWS[key])
    assert normal_of(at, key) == PHOTOGRAPHS
    at.switch_page(str(HEATMAPS.path)).run()
    upload(at, "head.nii", scan())
    at.query_params.clear()
    at.switch_page(str(VIEWS[key].path)).run()
    assert normal_of(at, key) == HEALTHY_TWINS


@views
def test_another_image_of_the_same_kind_leaves_what_was_chosen(key):
    at = visit({"image": "A cat (Chelsea)", f"{key}.normal": BRICK}, VIEWS[key])
    upload(at, "cup.jpg", jpeg())
    assert normal_of(at, key) == BRICK


@views
def test_a_link_that_names_normal_images_wins(key):
    at = visit({"image": "A rocket at launch", f"{key}.normal": HEALTHY_TWINS}, VIEWS[key])
    assert normal_of(at, key) == HEALTHY_TWINS
    assert not problems(at)
