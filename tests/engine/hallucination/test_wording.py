"""Sentences of the findings in full, every branch, of tables that are typed here."""

import numpy as np

from engine.core.result import Table
from engine.evaluation.language.beaf.photo_counts import pair_words
from engine.evaluation.language.beaf.removal_law import law_words
from engine.hallucination import WordRisk, asking
from engine.hallucination.grounding import findings
from engine.hallucination.grounding.each_claim import verdict
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.measures.mask_llm import models_words
from engine.vision.language.tiny_vlm.weights import HABIT


def table(rows=(), **columns):
    named = {name.replace("_", " "): (values, "") for name, values in columns.items()}
    return Table.of(named, rows)


def hangs(**by_thing):
    attention, lost = np.float32(list(by_thing.values())).T
    looks = table(tuple(by_thing), attention=attention, lost=lost)
    return f"{findings.hangs_on('“yes”', looks, 0.6)} {findings.on_no_thing(looks)}"


def law(measured, predicted, pairs=50):
    columns = {"α": [0.0, 1.0], "measured": measured, "law": predicted}
    columns |= {"low": np.array(measured) - 0.05, "high": np.array(measured) + 0.05}
    return law_words(table(("α = 0", "α = 1"), **columns), table(pairs=[pairs]))


def claim(noun, tried, before, after, prompt="is there a car", reply="yes"):
    question = asking.about_scene(HABIT, asking.scene("counter", 424), prompt)
    case = WordCase.of(question, tuple(question.vlm.tokenizer.encode_answer(reply)), (0,))
    columns = {"probability": ([before], ""), "taken out": ([after], "")}
    return verdict(case, Table.of(columns, (noun,), (tried,)), 0)


def pair(before, after, decided=0.9, others=((1, 1), (0, 1))):
    says = np.array([(before, after), *others]).T
    rest = [0.7] * len(others)  # no figure of theirs is in the words
    rates = {"p_before": [0.9, *rest], "p_after": [0.2, *rest]}
    decides = {"decided_before": [0.9, 0.1, 0.1][: len(says.T)], "decided_after": [decided, *rest]}
    answers = table(says_before=says[0], says_after=says[1], **rates, **decides)
    return pair_words("M", "car", answers)


def risky(*names, **risks):
    words = Table.of({"risk": (list(risks.values()), "")}, tuple(risks), notes=names)
    return WordRisk().finding(None, {"words": words})


def masked(learned):
    lies = {"lie_rate": [0.0, 0.1, learned], "could_lie": [5, 10, 4]}
    polls = {"false_yes": [0.1, 0.5, 0.5], "absent_asked": [0, 6, 6]}
    names = "dense", "magnitude", "learned"
    return models_words(table(names, perplexity=[1.0, 3.0, 2.0], **lies, **polls))


FADED = table(("this image", "0", "1"), probability=[0.6, 0.2, 0.7])
NAMED = table(("this image", "without the car", "another"), probability=[0.6, 0.2, 0.1])
PLACES = table(("1. a", "2. red", "3. car", "4. ."), owed=[0.1, -0.5, 0.0, 0.3])
SENTENCES = {
    "hangs on what it looked at": lambda: hangs(car=(0.4, 0.5), fork=(0.1, 0.2), sun=(0.1, 0)),
    "hangs on something else": lambda: hangs(car=(0.1, 0.5), fork=(0.1, 0.2), sun=(0.4, 0)),
    "hangs on nothing": lambda: hangs(car=(0.4, 0.09), sun=(0.1, -0.3)),
    "least likely at an opacity": lambda: findings.least_likely("“yes”", FADED),
    "least likely in an image": lambda: findings.least_likely("“yes”", NAMED),
    "least likely without a thing": lambda: findings.least_likely("“yes”", NAMED.take([0, 1])),
    "fades": lambda: findings.fades("“yes”", "car", FADED),
    "points lost of few words": lambda: findings.points_lost(2, PLACES),
    "points lost of all words": lambda: findings.points_lost(4, PLACES),
    "law holds": lambda: law([0.3, 0.2], [0.3, 0.19]),
    "law within what few pairs tell": lambda: law([0.3, 0.2], [0.3, 0.16]),
    "law does not hold": lambda: law([0.3, 0.3], [0.3, 0.16]),
    "no law": lambda: law([0.0, 0.0], [np.nan] * 2),
    "no pair": lambda: law([0.0, 0.0], [0.0, 0.0], 0),
    "claim hangs": lambda: claim("car", "car", 0.8, 0.3),
    "claim hangs partly": lambda: claim("car", "car", 0.8, 0.6),
    "claim stays": lambda: claim("car", "car", 0.8, 0.75),
    "claim stays behind words": lambda: claim(
        "car", "car", 0.8, 0.75, "describe the image", "a car"
    ),
    "claim of little probability": lambda: claim("car", "car", 0.08, 0.01),
    "claim not taken out": lambda: claim("car", "fork", 0.8, 0.1),
    "claim made up": lambda: claim("lamp", "fork", 0.8, 0.1),
    "claim made up with its partner": lambda: claim("lamp", "car", 0.8, 0.1),
    "claim made up that stays": lambda: claim("lamp", "fork", 0.8, 0.75),
    "claim made up that hangs partly": lambda: claim("lamp", "fork", 0.8, 0.6),
    "pair understood": lambda: pair(1, 0),
    "pair ignored": lambda: pair(0, 1),
    "pair of a stubborn yes": lambda: pair(1, 1),
    "pair of a stubborn no": lambda: pair(0, 0),
    "pair without an answer": lambda: pair(1, np.nan, 0.1),
    "pair without others": lambda: pair(1, 0, others=()),
    "one thing of three is made up": lambda: risky("car", "lamp", "sun", a=0.1, b=0.5, c=0.4),
    "two things of three are": lambda: risky("car", "", "sun", "lamp", a=0.6, b=0.9, c=0.4, d=1),
    "of several risks the largest counts": lambda: risky("car", "car", "car", a=0.2, b=0.7, c=0.3),
    "mask lies more": lambda: masked(1.0),
    "mask lies less": lambda: masked(0.0),
    "mask lies as often": lambda: masked(0.1),
}


def test_every_branch_of_the_sentences(snapshot):
    assert {name: sentence() for name, sentence in SENTENCES.items()} == snapshot
