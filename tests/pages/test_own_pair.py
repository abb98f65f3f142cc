"""A photograph of one's own on Before and after: marked, asked, faded, collected, or refused."""

from dataclasses import replace

import numpy as np
import pytest

from components.before_after import own, own_table
from components.before_after.own import AFTER, KEY, MASK, YOURS
from components.notices import escape_markdown
from components.views import BEFORE_AFTER
from engine.core.errors import BadImage
from engine.core.result import Table
from engine.core.run import answer, digest
from engine.evaluation.language.beaf.photo_counts import said_word
from engine.evaluation.language.beaf.photo_pair import PhotoPairCase, photo_pair
from engine.hallucination import PhotoPair
from engine.vision.images import load, read
from engine.vision.language.tiny_vlm.weights import HABIT
from tests.visits import pills, png, problems, question_in, settled, visit, words

OTHERS = ("lamp", "boat")
OPEN = {f"{KEY}.others": "lamp, boat", "beaf.count": "7"}  # of 7 scenes no answer is kept


def photograph(thing=True, height=60, width=80):
    """A gray slope, with a bright square in the middle."""
    pixels = np.repeat(np.linspace(60, 160, width, dtype=np.uint8)[None], height, 0)
    if thing:
        pixels[20:40, 30:50] = 240
    return np.stack([pixels] * 3, -1)


def mask():
    return ((photograph() == 240) * 255).astype(np.uint8)


@pytest.fixture(scope="module")
def sample_answer():
    """Kept before the page asks for it."""
    return answer(PhotoPair(), PhotoPairCase.from_arguments(others=OTHERS))


def opened(**link):
    link = {f"{KEY}.{name}": setting for name, setting in link.items()}
    return settled(visit(OPEN | link, BEFORE_AFTER))


def upload(at, slot, pixels):
    uploader = at.file_uploader(key=f"{KEY}.{slot}.file")
    return settled(uploader.set_value((f"{slot}.png", png(pixels), "image/png")).run())


def ask_pair(at):
    return settled(at.button(key=f"{KEY}.PhotoPair.go").click().run())


def test_folded_it_draws_nothing_and_a_link_opens_it():
    folded = settled(visit({"beaf.count": "7"}, BEFORE_AFTER))
    assert [box.label for box in folded.expander if box.label == own.TITLE]
    assert not folded.get("file_uploader")
    at = opened()
    assert at.get("file_uploader")
    assert own.BEFORE in words(at)
    assert own.ONLY_SCENES in words(at)


def test_the_sample_is_asked_and_its_answer_shared(sample_answer):
    at = opened()
    case = PhotoPairCase.from_arguments(others=OTHERS)
    assert PhotoPair().finding(case, sample_answer) in words(at)
    captions = " ".join(image.proto.imgs[0].caption for image in at.main.get("image"))
    faded = sample_answer["fading"]["p(yes)"]
    assert f"p(yes) {100 * faded[-1]:.0f} %" in captions
    at.select_slider(key=f"{KEY}.left").set_value("40 %").run()
    captions = " ".join(image.proto.imgs[0].caption for image in at.main.get("image"))
    assert f"**40 % left**: p(yes) {100 * faded[2]:.0f} %" in captions
    code = [block.value for block in at.code if "hallucination.PhotoPair" in block.value]
    (python,) = [lines for lines in code if "engine.answer" in lines]
    assert question_in(python) == digest(PhotoPair(), case)


def test_a_photograph_with_its_mask_is_asked_and_collected():
    at = upload(opened(), "before", photograph())
    assert at.selectbox(key=f"{KEY}.image").value == YOURS
    pills(at, f"{KEY}.way").set_value(MASK).run()
    assert any("Open a mask of the thing" in sentence for sentence in problems(at))
    at = ask_pair(upload(at, "mask", mask()))
    case = photo_pair(HABIT, read(png(photograph())), "cup", OTHERS, mask=mask().any(-1))
    result = answer(PhotoPair(), case)
    assert result.kept  # by the page
    assert PhotoPair().finding(case, result) in words(at)
    at.button(key=f"{KEY}.add").click().run()
    pair = own_table.CollectedPair.of(case, result["answers"])
    (summary,) = own_table.by_model([pair])
    assert summary in words(at)
    assert at.dataframe[-1].value.iloc[0].tolist() == list(pair.cells())
    assert at.button(key=f"{KEY}.add").disabled
    at.button(key=f"{KEY}.clear").click().run()
    assert summary not in words(at)


def test_a_ready_photograph_after_is_asked_in_the_place_of_a_mask():
    at = upload(opened(way=AFTER), "before", photograph())
    assert any("Open the photograph without the thing" in sentence for sentence in problems(at))
    at = ask_pair(upload(at, "after", photograph(thing=False)))
    after = read(png(photograph(thing=False)))
    case = photo_pair(HABIT, read(png(photograph())), "cup", OTHERS, after=after)
    assert PhotoPair().finding(case, answer(PhotoPair(), case)) in words(at)


def test_what_does_not_fit_is_said_and_the_form_stays():
    at = upload(opened(way=MASK), "before", photograph())
    for pixels, why in (
        (np.zeros((60, 80, 3), np.uint8), "The mask is empty here"),
        (mask()[:30], "they must be of one size"),
        (np.pad(np.full((59, 80), 255, np.uint8), ((1, 0), (0, 0))), "The mask covers 98 %"),
    ):
        at = upload(at, "mask", pixels)
        assert why in " ".join(problems(at))
        assert at.text_input(key=f"{KEY}.thing").value == "cup"
    pills(at, f"{KEY}.way").set_value(AFTER).run()
    at = upload(at, "after", photograph(height=50))
    assert "The photograph after has 80 × 50 px" in " ".join(problems(at))
    assert at.text_input(key=f"{KEY}.thing").value == "cup"


def test_a_file_that_is_no_picture_and_words_that_are_not_known_are_said(sample_answer):
    at = opened()
    at.file_uploader(key=f"{KEY}.before.file").set_value(("a.png", b"none", "image/png")).run()
    at = settled(at)
    with pytest.raises(BadImage) as refused:
        load(b"none", "a.png")
    assert escape_markdown(str(refused.value)) in " ".join(problems(at))
    assert at.text_input(key=f"{KEY}.thing").value == "cup"  # the form stays
    case = PhotoPairCase.from_arguments(others=OTHERS)
    assert PhotoPair().finding(case, sample_answer) in words(at)  # and the answer
    at = opened(thing="dragon", others="unicorn, boat")
    assert "does not know “dragon”" in " ".join(problems(at))
    assert "does not know “unicorn”" in " ".join(problems(at))


def test_every_drawing_says_its_figures(sample_answer):
    case = PhotoPairCase.from_arguments(others=OTHERS)
    text, table = own.answer_words(case, sample_answer), sample_answer["answers"]
    for at, name in enumerate(("cup", *OTHERS)):
        before, after = (said_word(table[f"says {when}"][at]) for when in ("before", "after"))
        assert f"{name} {before} → {after}" in text
    share = 100 * sample_answer["changed"]["pixels"][0]
    assert f"{share:.0f} % of the pixels" in own.change_words(sample_answer)


def test_the_frame_of_the_first_sample_is_drawn_on_that_one_only(monkeypatch):
    drawn = []

    def frame(_pixels, begin, *_given, **_more):
        drawn.append(begin)
        return begin

    monkeypatch.setattr(own, "rectangle", frame)
    at = opened()
    assert drawn[-1] == own.first_box()
    chosen = at.selectbox(key=f"{KEY}.image")
    chosen.set_value(next(option for option in chosen.options if option != chosen.value)).run()
    settled(at)
    assert drawn[-1] == own.START


def test_a_pair_is_collected_once_whatever_the_steps_and_models_by_their_weights():
    case = PhotoPairCase.from_arguments(others=OTHERS)
    names = [own_table.name_of(case, PhotoPair(**more)) for more in ({}, {"steps": 3}, {"grow": 4})]
    assert names[0] == names[1] != names[2]
    columns = ("says before", "says after", "p before", "p after")
    answers = Table.of({name: ([1.0, 1.0], "") for name in columns}, ("thing", "other 1"))
    pair = own_table.CollectedPair.of(case, answers)
    retrained = replace(pair, asked=(pair.asked[0], "other weights"))
    assert len(list(own_table.by_model([pair, pair, retrained]))) == 2
