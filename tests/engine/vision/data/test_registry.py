"""Every data set opens by its name, is what its card says, and the cache stays within bounds."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from engine.core.errors import BadData, Cancelled
from engine.vision.data import SPLITS, entries, entry, load, names, registry, tables, title_of
from engine.vision.data.masks import outline
from engine.vision.data.sheet import LINE, sheet
from engine.vision.data.variants import VARIANTS

ROOT = Path(__file__).parents[4]
FEW = {"phantoms": 80, "scenes": 60, "twice": 80, "bags": 30, "bars": 190, "textured": 120}
SMALL = ["digits", "mnist-5k", *(f"{word}:count={count}" for word, count in FEW.items())]
pytestmark = pytest.mark.usefixtures("empty_home")


@pytest.mark.parametrize("name", SMALL)
def test_every_set_has_splits_labels_a_card_and_a_fingerprint(name):
    data = load(name)
    assert data.name == name
    assert data.images.dtype == np.uint8
    assert all(len(data.rows(split)) for split in SPLITS)
    assert set(data.labels) == set(range(len(data.classes)))
    assert all((data.card.title, data.card.about, data.card.made, data.card.license))
    assert (len(data.truth) > 0) == bool(data.card.truth)
    assert entry(name).card == data.card
    registry._memory.clear()
    again = load(name)
    assert again is not data
    assert again.fingerprint == data.fingerprint


def test_names_and_settings_survive_the_trip_through_a_name_that_is_fit_for_links():
    for recipe_entry in entries():
        assert recipe_entry.recipe().name == recipe_entry.name
        assert recipe_entry.recipe.read("").name == recipe_entry.name
    recipe = registry.recipe("phantoms:contrast=0.55,seed=7")
    assert (recipe.contrast, recipe.seed, recipe.count) == (0.55, 7, 2000)
    assert registry.recipe(recipe.name) == recipe
    assert registry.recipe("scenes:kind=dense,clean=yes").clean is True
    words = [*names(), *(kind.word for kind in VARIANTS)]
    assert len(set(words)) == len(words)
    assert all(set(word) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for word in words)


@pytest.mark.parametrize("name", ["letters", "digits+nonsense", "digits+noisy:colour=blue"])
def test_what_is_known_of_a_data_set_is_asked_by_its_whole_name(name):
    assert entry("digits+noisy:share=0.3+poisoned").card == entry("digits").card
    with pytest.raises(BadData):
        entry(name)


def test_those_used_longest_ago_are_let_go(monkeypatch):
    registry._memory.clear()
    first, second = load("digits"), load("twice:count=80")
    monkeypatch.setattr(registry._memory, "room", first.nbytes + second.nbytes)
    assert load("digits") is first
    load("twice:count=70")
    assert registry.cached("twice:count=80") is None
    assert registry.cached("digits") is first


def test_two_who_ask_at_once_wait_for_one_making(monkeypatch):
    recipe_names = []
    ready = threading.Barrier(2)
    kind = registry.recipe("twice").__class__
    true = kind.make

    def slow(self, progress):
        recipe_names.append(self.name)
        return true(self, progress)

    monkeypatch.setattr(kind, "make", slow)

    def ask(name):
        ready.wait()
        return load(name)

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(ask, ["twice:count=110"] * 2))
    assert recipe_names == ["twice:count=110"]
    assert results[0] is results[1]


@pytest.mark.parametrize("name", ["phantoms:count=40", "scenes:count=130", "bags:count=20"])
def test_progress_rises_and_may_cancel(name):
    registry._memory.clear()
    progress_shares = []

    def stop(done, words="", partial=None):
        progress_shares.append(done)
        if len(progress_shares) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        load(name, stop)
    assert registry.cached(name) is None
    data = load(name, lambda done, words="", partial=None: progress_shares.append(done))
    assert data is load(name)
    assert progress_shares[:3] == progress_shares[3:6]
    assert progress_shares[3:] == sorted(progress_shares[3:])
    assert progress_shares[-1] < 1


def test_every_set_is_tried_here_and_tables_are_listed_apart():
    assert {name.partition(":")[0] for name in SMALL} == set(names())
    (cohort,) = tables()
    assert len(cohort().make()) == 1200
    assert cohort.word not in names()


def test_a_sheet_shows_images_of_every_class_outlines_twins_and_frames():
    data = load("twice:count=80")
    sheet_image = sheet(data, count=5)
    assert sheet_image.dtype == np.uint8
    side = 96  # 32 px three times as large
    assert sheet_image.shape == (2 + 4 * (side + 2), 2 + 5 * (side + 2), 4)
    first = sheet_image[2 : 2 + side, 2 : 2 + side, :3]
    assert (sheet_image[:2, ..., 3] == 0).all()
    assert (sheet_image[2 : 2 + side, 2 : 2 + side, 3] == 255).all()
    row = np.flatnonzero(data.labels == 0)[0]
    line = outline(data.truth["mask"][row].repeat(3, 0).repeat(3, 1))
    assert (first[line] == LINE).all()
    assert (first[~line] == data.images[row, 0].repeat(3, 0).repeat(3, 1)[~line][:, None]).all()
    assert len(sheet(load("phantoms:count=80"), truth="twin")) == 2 + 8 * 98
    poisoned = load("digits+poisoned:share=0.5")
    assert (sheet(poisoned, marked="poisoned")[..., :3] == LINE).all(2).sum() > 100
    only = poisoned.take(np.flatnonzero(poisoned.labels < 3))
    assert len(sheet(only, split="test")) == 2 + 3 * 98
    assert sheet(only.take(np.arange(0))).shape == (96, 96, 4)


def test_the_licence_file_names_every_file_of_data_and_says_the_notice_it_must():
    text = (ROOT / "assets" / "LICENSES.md").read_text(encoding="utf-8")
    files = [file.name for file in (ROOT / "assets" / "data").glob("*.npz")]
    assert len(files) == 2
    assert [name for name in files if f"### `{name}`" not in text] == []
    assert "McConnell Brain Imaging Centre" in text
    assert sum(f.stat().st_size for f in (ROOT / "assets" / "data").iterdir()) < 2_000_000


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("digits", "Digits, 8 × 8"),
        ("phantoms:count=100", "Brain phantoms (100 slices)"),
        (
            "phantoms:contrast=0.5,seed=3+healthy",
            "Brain phantoms (lesion contrast 0.5, seed 3) · healthy twins",
        ),
        ("upload-1+noisy:share=0.3", "Mine · wrong labels (share 0.3)"),
    ],
)
def test_a_data_set_has_a_title_in_words(name, title):
    assert title_of(name, {"upload-1": "Mine"}) == title


def test_a_variant_s_title_begins_small_but_keeps_names_and_abbreviations():
    lowered = [registry.lowered(words) for words in ("Gaps of Alzheimer", "JPEG", "")]
    assert lowered == ["gaps of Alzheimer", "JPEG", ""]
    with pytest.raises(BadData, match="another session"):
        title_of("upload-2")
