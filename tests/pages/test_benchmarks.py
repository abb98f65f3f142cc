"""Benchmarks as a visitor meets it: POPE and CHAIR on scenes, and a file of one's own."""

import pytest

from components.benchmarks import rows, words
from components.views import BENCHMARKS
from engine.core import run
from engine.evaluation.language.chair import Mention
from engine.evaluation.language.own_rows import TEMPLATES
from engine.hallucination import CHAIR, POPE, Greedy, ScenesCase
from engine.vision.language.tiny_vlm.weights import HABIT, load
from tests.visits import pills, problems, settled, unfolded, visit
from tests.visits import words as shown

SMALL = {"benchmarks.count": "20", "benchmarks.decodings": ["Greedy"]}
CAPTIONS = "caption,objects\nA dog beside a cat.,dog\nA <b>cup</b> on a table.,cup;dining table\n"
FILE = "benchmarks.own.file"


@pytest.fixture(scope="module")
def counted():
    """Twenty scenes, counted before the page is opened: it shows what is kept."""
    case = ScenesCase(load(HABIT), Greedy(), 20)
    return run.answer(POPE(), case), run.answer(CHAIR(), case)


def opened():
    return visit(SMALL, BENCHMARKS)


def upload(at, content, name="mine.csv"):
    content = content if isinstance(content, bytes) else content.encode()
    at.file_uploader(key=FILE).set_value((name, content, "text/csv")).run()
    return at


def test_what_is_kept_is_a_sentence_with_both_figures_and_its_evidence(counted):
    polls, captions = counted
    at = opened()
    assert not problems(at)
    sentence, text, rates = at.main.header[0].value, shown(at), captions["rates"]
    lied, hallucinated = polls["rates"]["false yes"][-1], rates["CHAIR_i"][0]
    assert f"Greedy says yes to {100 * lied:.0f} % of likely things that are absent" in sentence
    scenes = polls["rates"]["scenes"][0]
    assert f"{scenes:.0f} of 20 scenes were asked about: the others have fewer than 3" in text
    assert f"makes up {100 * hallucinated:.0f} % of what it names" in sentence
    assert f"at recall {100 * rates['recall'][0]:.0f} %" in text
    assert f"{rates['words'][0]:.0f} words" in text
    text = shown(unfolded(at))
    order = rows.worst(polls["questions"], 2)
    assert f"“{polls['questions'].notes[order[0]]}”" in text
    assert "p(yes) is" in text
    accuracy = " / ".join(f"{100 * share:.0f}" for share in polls["rates"]["accuracy by logits"])
    assert f"by the model's own logits {accuracy} %" in text
    assert "Color: scenes with both." in text
    assert words.LEGEND in text
    pills(at, "benchmarks.polls.split").set_value("random").run()


def test_other_scenes_wait_for_their_buttons():
    at = visit(SMALL | {"benchmarks.count": "11"}, BENCHMARKS)
    labels = " ".join(button.label for button in at.main.button)
    assert "Ask POPE's questions about 11 scenes: Greedy" in labels
    at.button(key="benchmarks.chair.go").click().run()
    settled(at)
    assert "makes up" in at.main.header[0].value


def test_no_decoding_is_a_sentence_and_one_s_own_file_stays_possible():
    at = visit({"benchmarks.count": "20"}, BENCHMARKS)
    pills(at, "benchmarks.decodings").set_value([]).run()
    assert any("Choose at least one decoding" in sentence for sentence in problems(at))
    upload(at, CAPTIONS)
    assert "CHAIRi 25.0 %" in shown(at)


def test_mvp_has_questions_and_no_captions():
    at = visit(SMALL | {"benchmarks.decodings": ["MVP"]}, BENCHMARKS)
    labels = " ".join(button.label for button in at.main.button)
    assert "Ask POPE's" in labels
    assert "Describe" not in labels


def test_files_of_one_s_own_are_scored_and_one_that_cannot_be_read_is_a_sentence(counted):
    at = upload(opened(), CAPTIONS)
    assert "CHAIRi 25.0 %, CHAIRs 50.0 % of 2 captions, at recall 100.0 %" in shown(at)
    assert "✗&nbsp;cat" in shown(at)
    assert "There are: dog." in shown(at)
    assert "<b>cup</b>" not in shown(at)
    for content, sentence in (
        ("a,b\n1,2\n", "Answers need the columns answer and label"),
        (b"", "The file is empty"),
        ("answer,label\nyes,maybe\n", "a label is yes or no"),
        ("caption,objects\nA lamp.,lamp\n", "No name under “objects”"),
    ):
        upload(at, content, "other.csv")
        assert sentence in " ".join(problems(at))
        assert "CHAIRi 25.0 %" in shown(at)  # the earlier result stays
    upload(at, TEMPLATES["answers"])
    assert not problems(at)
    assert "answers are right" in shown(at)
    upload(at, "question,answer,label\nIs there a dog?,Yes.,no\nA cat?,Perhaps,yes\nA cup?,no,no\n")
    assert "67 % of 3 answers are right; yes to 50.0 % of what is not there" in shown(at)
    assert "neither yes nor no: 1." in shown(at)
    assert "✗ Wrong: “Is there a dog?” Answer “Yes.”, read as yes; truth: no." in shown(at)
    upload(at, "caption,objects\nThere is no boat but a dog.,dog\n")
    assert "CHAIRi 50.0 %" in shown(at)
    at.toggle(key="benchmarks.own.negation").set_value(True).run()
    assert "CHAIRi 0.0 %" in shown(at)


def test_a_row_of_a_table_that_is_not_there_opens_the_first():
    assert rows.selected_place({"selection": {"rows": [3]}}, 5) == 3
    for odd in (None, {}, {"selection": {"rows": [9]}}, {"selection": {"rows": []}}):
        assert rows.selected_place(odd, 5) == 0


def test_what_is_marked_is_escaped_and_told_by_a_sign():
    html = words.as_html(["<i>", "hot", "dog"], [Mention(1, "hot dog", True, False, 2)])
    assert "&lt;i&gt;" in html
    assert "✓&nbsp;hot dog" in html
