"""POPE on scenes: the rates are those of the answers, and all splits ask for the same things."""

import numpy as np
import pytest

from engine.evaluation.language import pope
from engine.evaluation.language.polling import SPLITS, reading
from engine.evaluation.language.scenes import SceneBatch, margins, poll_answers
from engine.hallucination import MVP, POPE, VCD, Greedy, ScenesCase
from engine.vision.data.sprites import CATEGORIES
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.weights import HABIT, load
from tests.engine.hallucination.tiny import untrained

FIGURES = ("accuracy", "precision", "recall", "F1", "yes-ratio", "false yes")


@pytest.fixture(scope="module")
def case_and_result():
    case = ScenesCase(load(HABIT), Greedy(), 30, seed=3)
    return case, POPE()(case)


def stub(monkeypatch, says, **settings):
    """Answers that need no model: `says` is told whether the thing is there."""

    def said(_case, sample, pairs, _progress):
        return {
            (image, category): says(bool(sample.layout.present[image, CATEGORIES.index(category)]))
            for image, category in pairs
        }

    monkeypatch.setattr(pope, "answers_to", said)
    return POPE(**settings)(ScenesCase(untrained(), Greedy(), 40))


def test_an_oracle_is_right_always_yes_half_the_time_and_fewer_pairs_ask_more_scenes(monkeypatch):
    right = stub(monkeypatch, lambda present: "yes" if present else "no")["rates"]
    assert all((right[name] == 1).all() for name in ("accuracy", "precision", "recall", "F1"))
    always = stub(monkeypatch, lambda _: "yes")["rates"]
    assert (always["accuracy"] == 0.5).all()
    assert (always["recall"] == 1).all()
    assert (always["yes-ratio"] == 1).all()
    silent = stub(monkeypatch, lambda _: "there is something")["rates"]
    assert (silent["yes-ratio"] == 1).all()  # as the authors count it
    assert (silent["neither"] == silent["questions"]).all()
    single, three = (stub(monkeypatch, lambda _: "yes", pairs=n)["questions"] for n in (1, 3))
    scenes = [len(set(questions["scene"].tolist())) for questions in (single, three)]
    assert scenes[0] > scenes[1]
    assert len(single) == 3 * 2 * scenes[0]


def test_the_rates_are_those_of_the_answers(case_and_result):
    _, result = case_and_result
    questions, rates = result["questions"], result["rates"]
    for at, split in enumerate(SPLITS):
        rows = np.flatnonzero(questions["split"] == at)
        in_scene = questions["there"][rows].astype(bool)
        yes = np.array([reading(questions.notes[row]).yes for row in rows])
        tp, fp = (yes & in_scene).sum(), (yes & ~in_scene).sum()
        tn, fn = (~yes & ~in_scene).sum(), (~yes & in_scene).sum()
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        f1 = 2 * precision * recall / (precision + recall)
        by_hand = (tp + tn) / len(rows), precision, recall, f1, yes.mean(), fp / (fp + tn)
        assert [rates.cell(split, name) for name in FIGURES] == pytest.approx(by_hand)
        low, high = (rates.cell(split, f"accuracy {end}") for end in ("low", "high"))
        assert low <= by_hand[0] <= high


def test_each_question_is_answered_as_alone_by_words_and_by_logits(case_and_result):
    case, result = case_and_result
    questions = result["questions"]
    sample = SceneBatch.drawn(case.count, case.kind, seed=UNSEEN + case.seed)
    in_scene = sample.layout.present[questions["scene"], questions["thing"]]
    assert (in_scene == questions["there"]).all()
    some = np.arange(0, len(questions), 17)
    prompts = [yes_no_question(category) for category in questions["thing"][some].tolist()]
    yes, clear = poll_answers(case.vlm, sample, Greedy(), questions["scene"][some], prompts)
    assert yes.tolist() == questions["yes"][some].astype(bool).tolist()
    assert (~clear).tolist() == questions["neither"][some].astype(bool).tolist()
    likely = 1 / (1 + np.exp(-margins(case.vlm, sample).numpy()))
    expected = likely[questions["scene"], questions["thing"]]
    assert questions["p(yes)"] == pytest.approx(expected, abs=1e-5)
    rates = result["rates"]
    other = POPE()(ScenesCase(case.vlm, VCD(alpha=2.0), 30, seed=3))
    assert rates["decided otherwise"].sum() == 0  # greedy says what the logits say
    assert (rates["accuracy"] == rates["accuracy by logits"]).all()
    assert (other["rates"]["accuracy by logits"] == rates["accuracy by logits"]).all()
    differs = (other["questions"]["yes"] == 1) != (questions["p(yes)"] > 0.5)
    assert other["rates"]["decided otherwise"].sum() == differs.sum() > 0


@pytest.mark.parametrize("strategy", [Greedy(), VCD()])
def test_recall_is_the_same_in_every_split(strategy):
    rates = POPE()(ScenesCase(load(HABIT), strategy, 20))["rates"]
    assert len(set(rates["recall"].tolist())) == 1
    assert len(set(rates["questions"].tolist())) == 1


def test_the_matrix_the_sentence_and_the_count_are_of_the_scenes_asked_about(case_and_result):
    case, result = case_and_result
    sample = SceneBatch.drawn(case.count, case.kind, seed=UNSEEN + case.seed)
    questions, car, lamp = result["questions"], CATEGORIES.index("car"), CATEGORIES.index("lamp")
    present = sample.layout.present
    assert result["together"].values[car, lamp] == (present[:, car] & present[:, lamp]).sum()
    columns = (questions[name] for name in ("scene", "thing", "there", "yes"))
    pairs = {
        (int(scene), bool(yes))
        for scene, category, in_scene, yes in zip(*columns, strict=True)
        if category == lamp and not in_scene and present[scene, car]
    }
    assert result["asked"].values[car, lamp] == len(pairs)
    if pairs:
        assert result["false yes"].values[car, lamp] == np.mean([yes for _, yes in pairs])
    finding = POPE().finding(case, result)
    for value in result["rates"]["accuracy"]:
        assert f"{100 * value:.0f}" in finding
    assert f"{100 * result['rates'].cell('adversarial', 'false yes'):.0f} % of those" in finding
    assert f"about {result['rates']['scenes'][0]:.0f} scenes" in finding
    count = result["rates"]["scenes"]
    assert count.tolist() == [len(set(questions["scene"].tolist()))] * 3
    assert 0 < count[0] < case.count


def test_mvp_answers_one_by_one_and_too_few_things_are_a_sentence():
    case = ScenesCase(untrained(), MVP(length=4), 3)
    assert set(POPE(pairs=1)(case)["questions"].notes) <= {"yes", "no"}
    assert "no captions" in case.lacks("captions")
    seeds = (ScenesCase(untrained(), Greedy(), 1, seed=seed) for seed in range(99))
    case = next(seed for seed in seeds if len(seed.scene(0).things) < 3)
    finding = POPE().finding(case, POPE()(case))
    assert finding == "Greedy: no scene has as many things as are asked for, so nothing was asked."
