"""What a person types as classes: read, written into a name again, and refused in a sentence."""

import pytest

from engine.errors import BadModel
from engine.models.words import MOST_WORDS, USUAL_PROMPT, USUAL_WORDS, WordList


def test_words_stand_between_commas_and_on_lines():
    read = WordList.read(" red  car,cat,\n\n a dog\n", "a scan of {} | {} up close")
    assert read.words == ("red car", "cat", "a dog")
    assert read.prompts == ("a scan of {}", "{} up close")


def test_a_list_is_the_same_after_it_was_in_a_name():
    for word_list in (
        WordList(),
        WordList(("a", "b")),
        WordList(("ä", "b c"), ("{}", "no {} here")),
    ):
        assert WordList.of_text(word_list.as_text()) == word_list
    assert WordList.of_text("") == WordList(USUAL_WORDS, (USUAL_PROMPT,))
    assert WordList(("a", "b")).as_text() == "a, b"


@pytest.mark.parametrize(
    ("words", "prompts", "sentence"),
    [
        ("cat", "", "2 to 50 words, separated by commas: there is 1"),
        (" , ", "", "there are 0"),
        (",".join(f"w{n}" for n in range(MOST_WORDS + 1)), "", "there are 51"),
        ("cat, " + "x" * 61, "", "has 61 letters; at most 60"),
        ("cat, dog, cat", "", "“cat” stands there twice"),
        ("cat, do{g}", "", "has the sign '{'"),
        ("cat, do\x00g", "", r"has the sign '\\x00'"),
        ("cat, dog", "a photo", "needs {} once"),
        ("cat, dog", "{} and {}", "needs {} once"),
        ("cat, dog", "{0} {}", "needs {} once"),
        ("cat, dog", "|".join(["{}"] * 9), "1 to 8 prompts"),
        ("cat, dog", "{}" + "x" * 99, "at most 100"),
        ("cat, " * 2000, "", "too long"),
    ],
)
def test_a_list_that_cannot_be_read_is_said(words, prompts, sentence):
    with pytest.raises(BadModel, match=sentence):
        WordList.read(words, prompts)
