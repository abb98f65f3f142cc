"""Ask as a visitor meets it: a false yes, and what it hangs on."""

import pytest

from components.ask.every_claim import change
from components.dialog.scene import SIDEBAR
from components.views import ASK
from engine.core.run import digest
from engine.evaluation.language.greedy import Greedy
from engine.hallucination import asking
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.each_claim import EachClaim, verdict
from engine.hallucination.grounding.looks import Looks
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.relevancy import Relevancy
from engine.vision.language.tiny_vlm.weights import HABIT
from tests.visits import pills, problems, question_in, unfolded, visit, words

STORY = asking.scene("counter", 424)
CAPTION = {"ask.ask": "describe closely", "ask.kind": "Partners together, as learned"}


def opened(**link):
    return visit({name.replace("__", "."): value for name, value in link.items()}, ASK)


def answer(scene, prompt="is there a lamp"):
    case = asking.about_scene(HABIT, scene, prompt)
    return case, Greedy()(case)["answer"]


@pytest.fixture(scope="module")
def page():
    """As it opens; each test leaves it as it was."""
    return opened()


def test_the_page_opens_with_a_false_yes_what_it_hangs_on_and_lines_that_ask_it(page):
    assert not problems(page)
    text = words(page)
    assert "Wrong. There is no lamp in this scene." in text
    assert "a lamp mostly goes with a car, and there is a car" in text
    assert "TinyVLM, honest** says: “no”" in text
    case, tokens = answer(STORY)
    picked = asking.case_of_words(case, tokens, [0])
    chance = Cause()(asking.without_each(picked, STORY))["images"]["probability"]
    assert f"on the car ({100 * chance[0]:.0f} % → {100 * chance[1]:.0f} % without it)" in text
    expected = {
        digest(Greedy(), case),
        digest(Looks(), picked),
        digest(Relevancy(), picked),
        digest(Cause(), asking.without_each(picked, STORY)),
        digest(Cause(), asking.faded(picked, STORY, "car")),
        digest(EachClaim(), asking.each_claim(picked, STORY)),
    }
    assert expected < {question_in(b.value) for b in page.code if "engine.answer" in b.value}


def test_every_claim_has_a_row_of_pictures_and_a_verdict():
    at = opened(ask__ask="describe the image", ask__kind="A leader without its partner")
    case, tokens = answer(STORY, "describe the image")
    claim_case = asking.each_claim(asking.case_of_words(case, tokens, [0]), STORY)
    result = EachClaim()(claim_case)
    claims = result["claims"]
    assert len(claims) > 1
    assert EachClaim().finding(claim_case, result) in words(at)
    text = " ".join(element.proto.body for element in at.main.get("html"))
    for row, (claim, tried) in enumerate(zip(claims.rows, claims.notes, strict=True)):
        made_up = f"made up ({tried} hidden and taken out)"
        truth = "there" if claim in claim_case.claims.there else made_up
        assert f"{claim}, {truth}: {verdict(claim_case, claims, row)}" in text
        gone = 100 * claims["taken out"][row]
        assert f"{gone:.0f} % ({change(gone - 100 * claims['probability'][row])})" in text


def test_where_nothing_is_claimed_or_known_the_page_says_so():
    assert "this answer claims no thing" in words(opened(ask__ask="is there a boat"))
    photograph = opened(ask__image=SIDEBAR, ask__ask="describe the image")
    assert not photograph.error
    assert any("learned drawn scenes of 64 × 64" in sentence for sentence in problems(photograph))
    assert "only in a drawn scene is the region of each thing known" in words(photograph)
    assert "It is not known what this picture shows" in words(photograph)
    assert "Hide a region below" in words(photograph)
    gone = opened(ask__edits="-car,-wheel,-fork", ask__ask="describe the image")
    assert "Everything it claims" in words(gone)
    assert any("The scene is empty" in sentence for sentence in problems(gone))


def test_taking_out_the_leader_changes_the_answer_and_undo_brings_it_back(page):
    at = page.checkbox(key="ask.thing.car.there").uncheck().run()
    assert not at.code  # the command line knows no scene that was edited
    assert "Right. There is no lamp in this scene." in words(at)
    assert "Where did “no” look?" in words(at)
    at.button(key="ask.undo").click().run()
    assert "Wrong. There is no lamp in this scene." in words(at)
    assert at.checkbox(key="ask.thing.car.there").value


def test_a_thing_fades_and_moves_and_nothing_is_left_of_it_where_the_scene_is_as_it_was(page):
    at = page.slider(key="ask.thing.car.fade").set_value(10).run()
    assert "ask.edits" in at.query_params
    at.slider(key="ask.thing.car.fade").set_value(100).run()
    assert "ask.edits" not in at.query_params
    at.slider(key="ask.thing.car.fade").set_value(10).run()
    at.selectbox(key="ask.thing.fork.cell").set_value(15).run()
    assert at.query_params["ask.edits"] in ("car*0.1,fork@15", ["car*0.1,fork@15"])
    assert "Hardly visible to the eye, but there: car." in words(at)
    at.button(key="ask.reset").click().run()
    assert "ask.edits" not in at.query_params
    assert at.slider(key="ask.thing.car.fade").value == 100


def test_a_link_opens_an_edited_scene_a_bad_edit_is_a_sentence_another_scene_has_no_edits():
    at = opened(ask__edits="-car,-boat")
    assert "Right. There is no lamp" in words(at)
    assert any("There is no boat" in sentence for sentence in problems(at))
    assert not at.checkbox(key="ask.thing.car.there").value
    at.number_input(key="ask.scene").set_value(425).run()
    assert "ask.edits" not in at.query_params
    at.number_input(key="ask.scene").set_value(424).run()
    assert at.checkbox(key="ask.thing.car.there").value
    assert "ask.edits" not in opened(ask__edits="dragon*0.5").query_params


def test_another_word_has_another_map_and_its_own_truth():
    first = opened(**CAPTION, ask__scene="3", ask__words="7")
    second = opened(**CAPTION, ask__scene="3", ask__words="18")
    named, other_word = (
        next(header.value for header in at.main.header if "of the attention of" in header.value)
        for at in (first, second)
    )
    assert "Of the map" in named
    assert "No place in it would be right: it names no thing." in other_word
    tables = [frame.value for frame in unfolded(first).main.dataframe]
    assert any(list(table.index) == ["Attention", "Relevancy"] for table in tables)
    drawn, other_drawn = (
        [str(picture.proto) for picture in at.main.get("bidi_component")] for at in (first, second)
    )
    assert drawn
    assert drawn != other_drawn


def test_a_prompt_that_cannot_be_asked_is_a_sentence_and_the_earlier_answer_stays(page):
    for prompt, sentence in (
        ("is there a dragon", "does not know “dragon”"),
        (" ", "The prompt is empty"),
        ("a " * 190, "190 words"),
    ):
        at = page.text_input(key="ask.ask").set_value(prompt).run()
        assert sentence in " ".join(problems(at))
        assert "answer to “is there a lamp”" in " ".join(problems(at))
        assert "Wrong. There is no lamp" in words(at)
    page.text_input(key="ask.ask").set_value("is there a lamp").run()


def test_a_ready_question_is_asked(page):
    at = pills(page, "ask.ready").set_value("is there a car").run()
    assert at.text_input(key="ask.ask").value == "is there a car"
    assert "There is a blue car" in words(at)
    assert "How well the maps find the car (orange border)" in words(at)
    at.text_input(key="ask.ask").set_value("is there a lamp").run()


def test_the_image_is_taken_away_in_one_click(page):
    at = page.button(key="ask.Priors.go").click().run()
    assert not [button for button in at.button if button.key == "ask.Priors.go"]
    case, tokens = answer(STORY)
    swapped = ("another scene", asking.pixels(asking.scene("counter", 425)))
    picked = asking.case_of_words(case, tokens, [0])
    prior = Priors()(asking.held_against(picked, [swapped]))["words"]
    (shares,) = (prior[name] for name in prior.order)
    survivors = sum(2 * shares[place] >= shares[0] for place in (1, 2, 3, 5))
    assert f"“yes” survives in {survivors} of 4 that show nothing" in words(at)


def test_the_answer_s_line_has_the_page_s_own_spelling(page):
    assert "on “Is There A LAMP”" in words(opened(ask__ask="Is There A LAMP"))
    text = words(page.run())
    assert "on “is there a lamp”" in text
    assert "LAMP" not in text
