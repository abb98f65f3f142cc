"""Slides as a visitor meets it: a bag, its key tiles, the figures, and a large image in tiles."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from components import views
from components.slides import coverage, form, masked, own, view
from components.slides.form import ATTENTION, KEY, ShownBag
from engine.attribution.mhim import (
    MHIM,
    MHIM2,
    BagsCase,
    MaskedRatio,
    TileAttention,
    UnlikeTiles,
    WholeSlideCase,
)
from engine.attribution.mhim import case as slide_case
from engine.attribution.mhim.bags import layout_of
from engine.attribution.mhim.methods import ABMIL
from engine.core.run import answer
from engine.vision.data.whole_slide import made_slide
from engine.vision.images.large import open_large
from engine.vision.models.catalog import DEFAULT, load
from tests.opening import Page
from tests.visits import problems, settled, visit, words

EPOCHS = 2
BAGS = {"bags": "bags:count=30", "bags:kind=three": "bags:kind=three,count=30"}
SLOT = f"{KEY}.MHIM"
TILE = f"{KEY}.tiles.tile"


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Few bags, and a small section, so that it takes seconds."""
    few_bags = tuple(replace(bags, name=BAGS[bags.name]) for bags in slide_case.BAGS)
    monkeypatch.setattr(slide_case, "BAGS", few_bags)
    monkeypatch.setattr(own, "made_slide", lambda: made_slide(896, 672))


def question(place=0, score=ATTENTION, kind="two", method=None):
    case = BagsCase.from_arguments(data=BAGS["bags:kind=three" if kind == "three" else "bags"])
    layout = layout_of(case.data)
    bag = {"bag": int(form.test_bags(case, layout)[place]), "place": place}
    return ShownBag(method or MHIM(epochs=EPOCHS), case, layout=layout, score=score, **bag)


def first(asked, kind):
    rows = form.test_bags(asked.case, asked.layout)
    return int(np.flatnonzero(form.kinds_of(asked.layout, rows) == kind)[0])


def test_sentence_pictures_and_figures_are_those_of_the_answer():
    at = settled(visit({f"{SLOT}.epochs": str(EPOCHS)}, views.SLIDES))
    assert "Five small networks learn" in words(at)
    at = settled(at.button(key=f"{SLOT}.go").click().run())
    query = question(first(question(), form.HARD))
    result = answer(query.method, query.case)
    assert view.sentence(query, result) in [header.value for header in at.header]
    assert query.method.finding(query.case, result) in words(at)
    assert "Outlined: the tiles that make the label" in words(at)
    at = settled(at.button_group(key=f"{KEY}.kind").set_value(form.NONE).run())
    query = question(first(query, form.NONE))
    assert at.header[0].value == view.sentence(query, result)
    assert "None of these 60 tiles is a key tile" in at.header[0].value


def test_the_sentence_counts_the_key_tiles_on_top():
    query = question(first(question(), form.HARD))
    result = answer(query.method, query.case)
    for name in ("ABMIL", "student"):
        scores = view.of_bag(query, result, name)
        key = query.layout.key[query.bag]
        top = np.argsort(-scores, kind="stable")[: key.sum()]
        assert view.hits(query, result, name) == key[top].sum()
    sentence = view.sentence(query, result)
    count = int(query.layout.key[query.bag].sum())
    assert sentence.startswith(f"{count} of 60 tiles make this slide “a 9”.")
    assert f"{view.hits(query, result, 'student')} of them" in sentence


def test_the_score_of_a_class_is_drawn_instead_of_attention():
    method = MHIM2(epochs=EPOCHS)
    query = question(score="a 3", kind="three", method=method)
    result = answer(method, query.case)
    drawn = view.of_bag(query, result, view.score_column(query))
    assert drawn.tolist() == result["tiles"]["score of a 3"][: query.layout.size].tolist()
    assert "for “a 3”" in view.sentence(query, result)


def test_how_far_down_key_tiles_lie_is_counted_bag_by_bag():
    query = question()
    result = answer(query.method, query.case)
    drawn = coverage.coverage(query)
    table, size = drawn.part(result["tiles"]), query.layout.size
    key = result["tiles"]["key"].reshape(-1, size)
    values = result["tiles"]["student"].reshape(-1, size)
    for looked in (1, 7, 60):
        tops = np.argsort(-values, axis=1, kind="stable")[:, :looked]
        hits = np.take_along_axis(key, tops, 1).sum()
        assert table["student"][looked - 1] == pytest.approx(hits / key.sum())
    first = next(at for at in range(size) if table["student"][at] >= 0.9) + 1
    assert f"one looks at {first} of 60 tiles by the student" in drawn.finding(result)


def test_masked_tiles_have_the_color_of_their_kind():
    board = masked.tinted(np.zeros((5, 1, 2, 2), np.uint8), np.array([0, 1, 2, 3, 4], np.int8))
    assert board.shape == (6, 6, 3)
    assert not board[0, 0].any()
    expected = [round(0.65 * channel) for channel in masked.TINTS[1]]
    assert board[0, 2].tolist() == expected
    query = question(first(question(), form.HARD))
    result = answer(query.method, query.case)
    drawn = masked.masked(query).made(result)
    assert drawn.columns[0].startswith("step ")
    assert "orange: highest" in drawn.finding


def test_the_curve_is_trained_when_asked(monkeypatch):
    monkeypatch.setattr("engine.attribution.mhim.ratio.RATIOS", (0.0, 0.1))
    slot = f"{KEY}.MaskedRatio"
    at = settled(visit({f"{slot}.epochs": "1", f"{slot}.seeds": "1"}, views.SLIDES))
    at = settled(at.button(key=f"{slot}.go").click().run())
    case, method = question().case, MaskedRatio(epochs=1, seeds=1)
    assert method.finding(case, answer(method, case)) in [header.value for header in at.header]


def tiff():
    """A section of another seed than the page's, as a file."""
    buffer, pixels = io.BytesIO(), made_slide(896, 672, seed=5).piece(0, 672, 0, 896)
    Image.fromarray(pixels).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


def test_attention_is_drawn_over_the_made_section_and_counted():
    at = settled(visit({TILE: "112"}, views.SLIDES))
    assert "48 tiles of 112 px are read" in words(at)
    at = settled(at.button(key=f"{KEY}.TileAttention.go").click().run())
    method, case = TileAttention(tile=112), WholeSlideCase(load(DEFAULT), made_slide(896, 672))
    result = answer(method, case)
    assert method.finding(case, result) in [header.value for header in at.header]
    assert "never where. Outlined: tiles of planted regions." in words(at)
    drawn = own.tiles(own.ShownTiles(method, case, grid=(6, 8), column=ABMIL)).made(result)
    top = np.sort(result["tiles"][ABMIL][np.isfinite(result["tiles"][ABMIL])])[::-1][:8]
    assert drawn.captions == tuple(f"{share:.2f}" for share in top)


def test_what_is_rare_is_drawn_instead():
    at = settled(visit({TILE: "112", f"{KEY}.drawn": own.RARE}, views.SLIDES))
    at = settled(at.button(key=f"{KEY}.UnlikeTiles.go").click().run())
    method, case = UnlikeTiles(tile=112), WholeSlideCase(load(DEFAULT), made_slide(896, 672))
    assert method.finding(case, answer(method, case)) in [header.value for header in at.header]
    assert "not the same as diseased" in words(at)


def test_a_large_image_of_ones_own_is_read_in_tiles():
    at = settled(visit({TILE: "112", f"{KEY}.image": own.THEIRS}, views.SLIDES))
    at = settled(at.file_uploader(key=f"{KEY}.file").set_value(("mine.tif", tiff(), "")).run())
    assert "48 tiles of 112 px are read" in words(at)
    at = settled(at.button(key=f"{KEY}.TileAttention.go").click().run())
    method, case = TileAttention(tile=112), WholeSlideCase(load(DEFAULT), open_large(tiff()))
    sentence = method.finding(case, answer(method, case))
    assert sentence in [header.value for header in at.header]
    assert "times an equal share" in sentence
    assert own.STRANGE in words(at)
    assert "Outlined: tiles of planted" not in words(at)


def test_a_file_that_is_no_image_is_a_sentence():
    at = settled(visit({f"{KEY}.image": own.THEIRS}, views.SLIDES))
    at = settled(at.file_uploader(key=f"{KEY}.file").set_value(("a.tif", b"II*\0no", "")).run())
    assert problems(at)


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        ({TILE: "1024"}, "has no two tiles of 1024 px"),
        ({f"{SLOT}.random": "0.9", f"{SLOT}.low": "0.5"}, "would be masked"),
    ],
)
def test_settings_that_do_not_fit_are_a_sentence(link, sentence):
    assert sentence in " ".join(problems(settled(visit(link, views.SLIDES))))


def test_a_piece_that_is_broken_where_it_is_looked_at_is_a_sentence():
    def page():
        from components.slides import own
        from engine.vision.images.large import CpuAllowance, PiecewiseTiff
        from engine.vision.images.tiles import TileGrid

        grid = TileGrid(64, 1, (64, 64), 3, [(259, [8]), (262, [2])])
        image = PiecewiseTiff(64, 64, "broken", (), b"", ((8, 999),), grid, False, CpuAllowance(0))
        own.panned(image, None, "The image")

    at = Page.from_function(page).run()
    assert "cut off or broken" in at.error[0].value
