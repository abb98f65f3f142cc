"""A person's own answers and captions, scored by hand beside."""

import tracemalloc
from time import process_time

import numpy as np
import pytest

from engine.errors import BadData
from engine.hallucination.measures import own_scores
from engine.hallucination.measures.own_scores import score_answers, score_captions
from engine.hallucination.own_rows import MOST_ROWS, TEMPLATES, OwnRows, read

ANSWERS = """image,group,answer,label
a,VCD,yes,yes
a,VCD,No.,no
b,VCD,Yes,no
b,greedy,Perhaps,no
c,greedy,NO,no
c,greedy,no,yes
"""
CAPTIONS = """image,group,caption,objects,references
a,short,A dog.,dog;bench,
a,long,A puppy and two buses beside a bench.,dog;bench,
b,long,There is no boat but a cup.,lamp,A mug on a dining table.
"""


def test_answers_are_counted_by_group_and_what_is_neither_apart():
    result = score_answers(read(ANSWERS.encode(), "a.csv"))
    rates = result.rates
    assert rates.rows == ("all rows", "VCD", "greedy")
    assert rates.cell("all rows", "accuracy") == pytest.approx(2 / 6)  # “NO” is a yes to the script
    assert rates.cell("VCD", "accuracy") == pytest.approx(2 / 3)
    assert rates.cell("greedy", "accuracy") == 0
    assert rates.cell("greedy", "neither") == 1
    assert rates.cell("greedy", "read otherwise") == 1
    assert rates.cell("all rows", "false yes") == pytest.approx(3 / 4)
    assert rates.cell("all rows", "no found") == pytest.approx(2 / 4)  # to AMBER “NO” is one
    assert result.words == ("yes", "no", "yes", "", "no", "no")
    assert result.wrong.tolist() == [False, False, True, True, True, True]


def test_captions_are_counted_against_things_and_human_captions():
    result = score_captions(read(CAPTIONS.encode(), "a.csv"))
    assert result.there[2] == ("cup", "dining table")
    words, named = result.mentions(read(CAPTIONS.encode(), "a.csv"), 2)
    assert [(words[mention.place], mention.true) for mention in named] == [
        ("boat", False),
        ("cup", True),
    ]
    assert result.invented == [0, 1, 1]
    rates = result.rates
    assert rates.cell("short", "CHAIR_i") == 0
    assert rates.cell("long", "CHAIR_i") == pytest.approx(2 / 5)
    assert rates.cell("long", "CHAIR_s") == 1
    assert rates.cell("all rows", "recall") == pytest.approx((1 + 2 + 1) / 6)
    assert rates.cell("long", "words") == pytest.approx(7.5)
    assert result.notes == (
        "Not among COCO's eighty things, so left out of what is there: “lamp”.",
    )
    heeded = score_captions(read(CAPTIONS.encode(), "a.csv"), negation=True)
    assert heeded.invented == [0, 1, 0]


def test_templates_numbers_single_rows_and_unknown_names_are_scored():
    assert score_answers(read(TEMPLATES["answers"].encode(), "a.csv")).wrong.sum() == 1
    assert score_captions(read(TEMPLATES["captions"].encode(), "a.csv")).invented == [1, 0]
    text = "answer,label\n0,0\n1,1\nfalse,false\nTRUE,true\n0.0,0\n"
    result = score_answers(read(text.encode(), "a.csv"))
    assert result.words == ("no", "yes", "no", "yes", "no")
    assert not result.wrong.any()
    rates = score_answers(OwnRows("answers", ({"answer": "yes", "label": "yes"},))).rates
    assert rates.cell("all rows", "accuracy") == 1
    assert np.isnan(rates.cell("all rows", "accuracy low"))
    cell = ";".join(f"thing {at}" for at in range(300))
    rows = tuple(
        {"caption": "", "objects": f"dog;{cell.replace('thing', str(at))}"} for at in range(9)
    )
    (note,) = score_captions(OwnRows("captions", rows)).notes
    assert "and at least 995 more" in note


def test_things_that_coco_does_not_have_are_a_sentence():
    text = "caption,objects\nA lamp.,lamp\n"
    with pytest.raises(BadData, match="No name under “objects” is one of COCO's eighty things"):
        score_captions(read(text.encode(), "a.csv"))


def test_too_many_groups_are_a_sentence():
    rows = tuple({"answer": "yes", "label": "no", "group": str(at)} for at in range(100))
    with pytest.raises(BadData, match="100 groups"):
        score_answers(OwnRows("answers", rows))


@pytest.mark.parametrize("same", ["x" * 40, "all rows", "no group"])
def test_every_group_keeps_its_rows_whatever_it_is_called(same):
    names = ("x" * 40 + "1", "x" * 40 + "2", same, "")
    rows = tuple({"answer": "yes", "label": "no", "group": name} for name in names)
    rates = score_answers(OwnRows("answers", rows)).rates
    assert rates["answers"].tolist() == [4, 1, 1, 1, 1]
    assert rates.rows[0] == "all rows"
    assert len(set(rates.rows)) == 5


def test_a_file_full_of_things_is_read_as_far_as_may_be_and_takes_no_memory(monkeypatch):
    monkeypatch.setattr(own_scores, "MOST_WORDS", 200_000)
    cell = "ox " * 1300
    content = b"caption,objects\n" + f"{cell},cow\n".encode() * 5000
    own_rows = read(content, "a.csv")
    with pytest.raises(BadData, match=f"more than 200,000 words by row {200_000 // 1301 + 1}"):
        score_captions(own_rows)
    tracemalloc.start()
    try:
        few = score_captions(OwnRows("captions", own_rows.rows[:40]))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert few.rates.cell("all rows", "CHAIR_i") == 0
    assert most < 2 * 2**20  # a caption's mentions at a time; all would be five megabytes


@pytest.mark.parametrize("kind", ["answers", "captions"])
def test_as_many_rows_as_may_be_are_scored_within_seconds(kind):
    row = {"answer": "Yes, there is.", "label": "no"}
    if kind == "captions":
        row = {"caption": "A man with a dog beside two cups on a table.", "objects": "dog; cup"}
    own_rows = OwnRows(kind, (row,) * MOST_ROWS)
    begun = process_time()
    result = score_answers(own_rows) if kind == "answers" else score_captions(own_rows)
    assert result.rates[kind][0] == MOST_ROWS
    assert process_time() - begun < 20
