"""A stranger's file: read in its encoding or refused in a sentence, and scored by hand beside."""

import csv
import io
import json
import tracemalloc
from time import process_time

import numpy as np
import pytest

from engine.core.errors import BadData
from engine.core.result.spreadsheet import csv_text
from engine.evaluation.language import own_rows, own_scores
from engine.evaluation.language.own_rows import (
    MOST_MB,
    MOST_ROWS,
    TEMPLATES,
    OwnRows,
    read,
    split_cell,
)
from engine.evaluation.language.own_scores import score_answers, score_captions

ROW = b'{"answer": "yes", "label": "no"}'
ANSWERS = "question,answer,label\nIs there a café?,Yes,yes\nIs there a dog?,No.,no\n"


def test_templates_and_json_are_read_under_the_usual_names():
    for kind, text in TEMPLATES.items():
        result = read(text.encode(), "mine.csv")
        assert result.kind == kind
        assert len(result.rows) == text.count("\n") - 1
        assert not result.notes
    rows = [{"image_id": 7, "caption": "A dog.", "objects": ["dog", "cup"]}]
    for text, file in ((json.dumps(rows), "a.json"), (json.dumps(rows[0]), "a.jsonl")):
        (row,) = read(text.encode(), file).rows
        assert row == {"image": "7", "caption": "A dog.", "objects": "dog; cup"}
    pope = {"text": "Is there a dog?", "answer": "Yes", "label": "no", "category": "adversarial"}
    (row,) = read(json.dumps(pope).encode(), "a.jsonl").rows
    assert row["question"] == "Is there a dog?"
    assert row["group"] == "adversarial"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1"])
def test_accents_survive_every_usual_encoding(encoding):
    content = ANSWERS.encode(encoding)
    if encoding == "utf-16-le":
        content = b"\xff\xfe" + content
    result = read(content, "mine.csv")
    assert result.rows[0]["question"] == "Is there a café?"
    assert bool(result.notes) == (encoding == "latin-1")


def test_unusual_rows_are_read_as_they_are():
    assert len(read(f"\ufeff{ANSWERS}".encode("utf-16"), "mine.csv").rows) == 2
    row = {"answer": "yes\u2028\u0085\x0b\x0c", "label": "no"}
    content = json.dumps(row, ensure_ascii=False).encode() + b"\r\n"
    assert len(read(content * 2, "a.jsonl").rows) == 2
    text = "image,description,question,answer,label\na,A street.,Is there a dog?,Yes,yes\n"
    assert read(text.encode(), "a.csv").kind == "answers"
    result = read(b"answer,label\nyes,yes\nno,\n no,\n", "mine.csv")
    assert len(result.rows) == 1
    assert result.notes == ("Passed over, for they have no answer or no truth: 2 rows.",)
    (row,) = read("answer,label\n🤷,TRUE\n".encode(), "mine.csv").rows
    assert row == {"answer": "🤷", "label": "yes"}
    text = 'answer,label\n"=HYPERLINK(""http://x"")",no\n'
    (row,) = read(text.encode(), "mine.csv").rows
    assert row["answer"].startswith("=HYPERLINK")
    written = list(csv.reader(io.StringIO(csv_text(("answer",), iter([(row["answer"],)])))))
    assert written[1][0] == f"'{row['answer']}"


@pytest.mark.parametrize("mark", [";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_semicolons_tabs_and_line_ends_are_read(mark, ending):
    result = read(ANSWERS.replace(",", mark).replace("\n", ending).encode(), "mine.csv")
    assert [row["label"] for row in result.rows] == ["yes", "no"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty"),
        (b"  \n\n", "The file is empty"),
        (b"a,b\n1,2\n", "The columns are “a”, “b”. Answers need the columns answer and label"),
        (b"answer,label\n", "no row that can be counted"),
        (b"answer,label\nyes,maybe\n", "Row 1 has the label “maybe”: a label is yes or no."),
        (b"PK\x03\x04\0\0\0", "This is no text file"),
        (b"\xff\xfea\0b", "cut off"),
        (b'answer,label\n"' + b"x" * 5000, "Row 1 has 5,000 letters as its answer"),
        (b'answer,label\n"' + b"x" * 140_000, "is no CSV"),
        (b"," * 200_000, "Line 1 has 200,000 letters"),
        (b",,\n", "no column names"),
        (b'""\n', "no column names"),
        (b'{"answer": "' + b"x" * 200_000 + b'"}', "Line 1 has 200,014 letters"),
        (b"[" + ROW + b", {]", "Object 2 of the list is no JSON"),
        (b"[" + ROW + b" " + ROW + b"]", "After object 1 of the list"),
        (b"[" + ROW + b"] 5", "Something stands behind the end"),
        (b'[{"answer": [' + b"[]," * 100_000 + b'1], "label": 1}]', "more than 150,000 letters"),
        (b"[]", "no row that can be counted"),
        (b'{"answer": [[1]], "label": 1}', "Row 1 has a list or an object inside a list"),
        (b'{"answer": {"a": 1}, "label": 1}', "Row 1 has an object as a cell"),
        (b"caption,objects\nA dog.,\n", "no caption, or nothing that says what is there"),
        (b'{"answer": "yes"', "Line 1 is no JSON"),
        (b"[" * 100_000, "Object 1 of the list is no JSON"),
        (b"[1, 2]", "no JSON object"),
        (b'{"answer": "a", "label": "no"}\n{"caption": "a", "objects": []}', "open them as two"),
        (b"x" * (MOST_MB * 2**20 + 1), f"at most {MOST_MB} are read"),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(content, words):
    with pytest.raises(BadData, match=r"\w") as error:
        read(content, "mine.csv")
    assert words in str(error.value)
    assert len(str(error.value)) < 300


def test_a_million_rows_are_refused_at_once_and_a_list_is_read_no_further_than_the_most(
    monkeypatch,
):
    begun = process_time()
    with pytest.raises(BadData, match=f"more than {MOST_ROWS:,} rows"):
        read(b"answer,label\n" + b"yes,no\n" * 1_000_000, "mine.csv")
    with pytest.raises(BadData, match="200 MB"):
        read(bytes(200 * 2**20), "mine.csv")
    assert process_time() - begun < 20
    assert len(read(b"[" + b" , ".join([ROW] * 20_000) + b"\n]\n", "a.json").rows) == 20_000
    monkeypatch.setattr(own_rows, "MOST_ROWS", 3)
    with pytest.raises(BadData, match="more than 3 rows"):
        read(b"[" + (ROW + b",") * 4 + b"{", "a.json")


def test_captions_without_their_things_are_passed_over_and_an_empty_list_is_nothing():
    text = "caption,objects,references\nA dog.,dog,\nA cat.,,\nA bus.\nA cup.,[],\nA bed.,,A bed.\n"
    result = read(text.encode(), "a.csv")
    assert [row["caption"] for row in result.rows] == ["A dog.", "A cup.", "A bed."]
    assert [split_cell(row["objects"]) for row in result.rows] == [["dog"], [], []]
    (note,) = result.notes
    assert "nothing that says what is there (write [] where nothing is): 2 rows." in note
    lines = ({"caption": "A.", "objects": names} for names in (None, [], ["dog"]))
    result = read("\n".join(map(json.dumps, lines)).encode(), "a.jsonl")
    assert [row["objects"] for row in result.rows] == ["[]", "dog"]


@pytest.mark.parametrize("cell", ["dog; cup", "dog|cup", '["dog", "cup"]', "['dog', 'cup']"])
def test_things_stand_in_a_cell_in_several_ways(cell):
    assert split_cell(cell) == ["dog", "cup"]
    assert split_cell("") == []
    assert own_rows.split_cell("[dog, cup") == ["dog", "cup"]


GROUPED_ANSWERS = """image,group,answer,label
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
    result = score_answers(read(GROUPED_ANSWERS.encode(), "a.csv"))
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
    assert [words[mention.place] for mention in named] == ["boat", "cup"]
    assert [mention.true for mention in named] == [False, True]
    assert result.invented == [0, 1, 1]
    rates = result.rates
    assert rates.cell("short", "CHAIR_i") == 0
    assert rates.cell("long", "CHAIR_i") == pytest.approx(2 / 5)
    assert rates.cell("long", "CHAIR_s") == 1
    assert rates.cell("all rows", "recall") == pytest.approx((1 + 2 + 1) / 6)
    assert rates.cell("long", "words") == pytest.approx(7.5)
    expected = ("Not among COCO's eighty things, so left out of what is there: “lamp”.",)
    assert result.notes == expected
    for count, rest in ((5, "“e”."), (7, "“e” and 2 more."), (1000, "“e” and at least 995 more.")):
        (note,) = own_scores.left_out([*"abcde", *["x"] * (count - 5)])
        assert note.endswith(f": “a”, “b”, “c”, “d”, {rest}")
    assert score_captions(read(CAPTIONS.encode(), "a.csv"), negation=True).invented == [0, 1, 0]


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
    objects = (f"dog;{cell.replace('thing', str(at))}" for at in range(9))
    rows = tuple({"caption": "", "objects": each} for each in objects)
    (note,) = score_captions(OwnRows("captions", rows)).notes
    assert "and at least 995 more" in note


@pytest.mark.parametrize("same", ["x" * 40, "all rows", "no group"])
def test_every_group_keeps_its_rows_whatever_it_is_called(same):
    names = ("x" * 40 + "1", "x" * 40 + "2", same, "")
    rows = tuple({"answer": "yes", "label": "no", "group": name} for name in names)
    rates = score_answers(OwnRows("answers", rows)).rates
    assert rates["answers"].tolist() == [4, 1, 1, 1, 1]
    assert rates.rows[0] == "all rows"
    assert len(set(rates.rows)) == 5
    assert rates.rows[2] == "x" * 40 + " (2)"


def test_a_file_full_of_things_is_read_as_far_as_may_be_and_takes_no_memory(monkeypatch):
    most_words = 150 * 1301  # 1300 of the caption and one object
    monkeypatch.setattr(own_scores, "MOST_WORDS", most_words)
    cell = "ox " * 1300
    own_rows = read(b"caption,objects\n" + f"{cell},cow\n".encode() * 5000, "a.csv")
    with pytest.raises(BadData, match=f"more than {most_words:,} words by row 151"):
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
