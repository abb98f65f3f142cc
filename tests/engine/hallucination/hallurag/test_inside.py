"""Inside: states tell what is made up, a null does not, and a new answer gets the probe's risk."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

from engine.core import run
from engine.core.errors import Cancelled
from engine.core.method import quiet
from engine.evaluation.language.chair import mentions
from engine.evaluation.language.scenes import VOCABULARY, SceneBatch, captions
from engine.hallucination import Greedy, HalluRAG, ScenesCase, WordRisk, asking
from engine.hallucination.hallurag import probe as probing
from engine.hallucination.hallurag.fits import features, linear, risk_auroc, shuffled_auroc
from engine.hallucination.hallurag.judged import (
    ANSWERABLE,
    UNANSWERABLE,
    UNKNOWN,
    color_questions,
    named_things,
)
from engine.hallucination.hallurag.probe import (
    CONFIDENCE,
    LINEAR,
    PUBLISHED,
    WORD,
    calibration_table,
    learnable,
)
from engine.hallucination.hallurag.readings import AT, BEFORE, WHEN, ReadWord, read_states
from engine.vision.data.sprites import CATEGORIES, COLORS
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.weights import HABIT, load
from engine.vision.language.tiny_vlm.words import NUMBER
from engine.vision.language.vlm import RequestedOutputs

COUNT = 70


@pytest.fixture(scope="module")
def case():
    return ScenesCase(load(HABIT), Greedy(length=24), COUNT)


@pytest.fixture(scope="module")
def probe_result(case):
    return HalluRAG()(case)


@pytest.fixture(scope="module")
def few():
    return SceneBatch.drawn(6, "broken", seed=UNSEEN)


def test_states_read_together_are_those_of_each_answer_alone(few):
    vlm = load(HABIT)
    prompt = vlm.tokenizer.encode("describe the image")
    answers = [[NUMBER[word] for word in caption] for caption in captions(vlm, few, Greedy()).words]
    assert len({len(answer_ids) for answer_ids in answers}) > 1  # so that padding matters
    words = [ReadWord(row, 6, "", row % 2 == 0) for row in range(len(answers))]
    readings = read_states(vlm, few.pixels, [prompt] * len(answers), answers, words)
    for row, answer in enumerate(answers):
        image = vlm.encode_image(vlm.normalize(few.pixels[row : row + 1]))
        want = RequestedOutputs(hidden=(0, 3), gates=(1,), rows="all")
        out, lies = vlm.prefill(image, torch.tensor([prompt + answer]), want)
        place = lies.response - len(answer) + 6
        alone = {"CEV 0": out.hidden[0], "CEV 3": out.hidden[3], "IAV 2": out.gates[1]}
        for name, states in alone.items():
            for when, at in ((BEFORE, place - 1), (AT, place)):
                assert np.allclose(readings.states[name][row, when], states[0, at], atol=1e-4), name
        shares = vlm.unembed(out.hidden[3][0, place - 1]).softmax(-1)
        assert readings.confidence[row] == pytest.approx(float(shares[answer[6]]), abs=1e-4)
        entropy = float(-(shares * shares.log()).nansum())
        assert readings.entropy[row] == pytest.approx(entropy, abs=1e-3)
        assert readings.made_up[row] == (row % 2 == 0)


def test_things_and_colors_that_are_named_are_judged_by_the_truth(few):
    case = ScenesCase(load(HABIT), Greedy(), len(few.pixels))
    named = named_things(case, few, quiet)
    slowly = [
        (row, mention.node, not mention.true)
        for row, (words, present) in enumerate(
            zip(captions(case.vlm, few, Greedy()).words, few.truths, strict=True)
        )
        for mention in mentions(words, present, VOCABULARY)
    ]
    assert list(zip(named.scene, named.words, named.made_up, strict=True)) == slowly
    readings = color_questions(case, few, quiet)
    answerable, without = readings[ANSWERABLE], readings[UNANSWERABLE]
    assert answerable.scene.tolist() == without.scene.tolist()
    assert np.bincount(answerable.scene).max() <= 2
    for word, wrong in zip(without.words, without.made_up, strict=True):
        if word in {UNKNOWN, *COLORS}:
            assert wrong == (word != UNKNOWN)
    layout = few.layout
    pairs = [(row, at) for row in range(6) for at in np.flatnonzero(layout.present[row])[:2]]
    judged = zip(pairs, answerable.words, answerable.made_up, strict=True)
    for (row, category), word, made_up in judged:
        assert made_up == (word != COLORS[layout.color[row, category]]), CATEGORIES[category]


def planted(count=400, width=12):
    """Inputs in which one direction tells, with noise, what is made up."""
    random = np.random.default_rng(0)
    made_up = random.random(count) < 0.3
    inputs = random.normal(size=(count, width)).astype(np.float32) * np.arange(1, width + 1)
    inputs[:, 4] += 8 * made_up
    return inputs, made_up, np.arange(count) < 280


def test_the_linear_probe_finds_what_is_planted_and_shuffled_labels_tell_nothing():
    inputs, made_up, learned = planted()
    logit, weights = linear(inputs, made_up, learned)
    assert np.allclose(logit, inputs @ weights[:-1] + weights[-1])
    assert risk_auroc(logit, made_up, ~learned) > 0.85
    assert np.abs(weights[:-1] * inputs.std(0)).argmax() == 4
    null = shuffled_auroc(inputs, made_up, learned, 0)
    assert len(null) >= 20
    assert 0.4 < null.mean() < 0.6
    assert null.std() > 0


def test_states_tell_what_is_made_up(case, probe_result):
    rates, null = probe_result["compared"], probe_result["shuffled"]["AUROC"]
    assert rates.cell(LINEAR, "AUROC") > 0.8
    assert rates.cell(LINEAR, "lowest") > max(null.mean(), rates.cell(CONFIDENCE, "AUROC"))
    assert rates.cell(LINEAR, "AUROC") > rates.cell(WORD, "AUROC")
    finding = HalluRAG().finding(case, probe_result)
    assert "tell what it makes up" in finding
    assert f"AUROC {rates.cell(LINEAR, 'AUROC'):.2f}" in finding


def test_random_states_tell_nothing(case, probe_result, monkeypatch):
    def drawn(words, names, when):
        return np.random.default_rng(when).normal(size=features(words, names, when).shape)

    monkeypatch.setattr(probing, "features", drawn)
    chance = HalluRAG()(case)
    assert abs(chance["compared"].cell(LINEAR, "AUROC") - 0.5) < 0.25
    assert "hardly tell" in HalluRAG().finding(case, chance)
    expected = probe_result["compared"].cell(CONFIDENCE, "AUROC")
    assert chance["compared"].cell(CONFIDENCE, "AUROC") == expected


def test_the_views_agree_and_what_is_read_follows_the_settings(probe_result):
    risks, bins = probe_result["risks"], probe_result["trust"]
    made_up = risks["made up"].astype(bool)
    expected = probe_result["compared"].cell(LINEAR, "AUROC")
    assert risk_auroc(risks["risk"], made_up, np.ones(len(risks), bool)) == pytest.approx(expected)
    assert bins["words"].sum() == len(risks)
    filled = bins["words"] > 0
    assert (bins["words"] * bins["made up"])[filled].sum() == pytest.approx(made_up.sum())
    lowest = np.flatnonzero(filled)[0] / len(bins)
    assert lowest <= bins["risk"][filled][0] <= lowest + 1 / len(bins)
    layers = probe_result["layers"]
    assert np.isnan(layers.cell("the embedding", f"IAV, {WHEN[AT]}"))
    assert layers["CEV, at the word"][1:].max() > layers.cell("the embedding", "CEV, at the word")
    assert set(risks["scene"].astype(int)) <= set(range(int(0.7 * COUNT), COUNT))
    assert HalluRAG().names(3) == ("CEV 2", "CEV 3")
    assert HalluRAG(feature="both", depth="last").names(3) == ("CEV 3", "IAV 3")
    assert HalluRAG(feature="IAV", depth="middle").names(32) == ("IAV 16",)


def test_bins_of_risk_hold_what_lies_in_them_and_one_is_in_the_last():
    risk = np.array([0.01, 0.05, 0.3, 0.39, 0.31, 0.95, 1.0])
    table = calibration_table(risk, np.array([True, False, True, False, True, True, True]))
    assert table["words"].tolist() == [2, 0, 0, 3, 0, 0, 0, 0, 0, 2]
    filled = [0, 3, 9]
    assert table["risk"][filled].tolist() == pytest.approx([0.03, 1 / 3, 0.975])
    assert table["made up"][filled].tolist() == pytest.approx([0.5, 2 / 3, 1])
    assert np.isnan(np.delete(table["risk"], filled)).all()


def test_words_of_one_kind_teach_nothing():
    inputs, made_up, _ = planted(40, 5)
    learned = np.arange(40) < 28
    assert np.isnan(learnable(inputs, made_up, learned & made_up)).all()
    assert np.array_equal(learnable(inputs, made_up, learned), linear(inputs, made_up, learned)[0])


@pytest.mark.parametrize("kind", ["broken", "counter"])
def test_no_scene_of_a_page_is_one_that_the_probe_has_seen(kind, case, monkeypatch):
    batches, plain = [], ScenesCase.sample

    def watched(self, use):
        batches.append(plain(self, use).pixels)
        raise Cancelled("enough")

    monkeypatch.setattr(ScenesCase, "sample", watched)
    with pytest.raises(Cancelled):
        HalluRAG()(replace(case, kind="broken"))
    learned = {image.numpy().tobytes() for image in batches[0]}
    displayed = [asking.pixels(asking.scene(kind, number)) for number in range(COUNT)]
    assert len(learned) == COUNT
    assert not learned & {image.numpy().tobytes() for image in displayed}


@pytest.fixture(scope="module")
def small(probe_result):
    """The probe of few scenes in the place of the usual one."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("engine.hallucination.hallurag.word_risk.answer", lambda *_: probe_result)
        yield


@pytest.mark.usefixtures("small")
def test_what_is_made_up_has_more_risk(probe_result):
    method, true, made_up = WordRisk(), [], []
    for number in range(16):
        scene = asking.scene("counter", number)
        result = method(asking.about_scene(HABIT, scene, "describe the image"))
        present = {scene_object.category for scene_object in scene.things}
        for name, risk in zip(result["words"].notes, result["words"]["risk"], strict=True):
            if name:
                (true if name in present else made_up).append(risk)
    assert min(len(true), len(made_up)) > 3
    assert np.mean(made_up) > np.mean(true) + 0.3


@pytest.mark.usefixtures("small")
def test_new_risks_are_those_of_the_probe_and_other_words_have_none(probe_result):
    question = asking.about_scene(HABIT, asking.scene("counter", 253), "describe the image")
    result = WordRisk()(question)
    words = result["words"]
    assert result["answer"].words == Greedy()(question)["answer"].words
    named = mentions(words.rows, (), VOCABULARY)
    assert [at for at, name in enumerate(words.notes) if name] == [noun.place for noun in named]
    assert np.isnan(np.delete(words["risk"], [mention.place for mention in named])).all()
    judged = [ReadWord(0, mention.place, mention.node, made_up=False) for mention in named]
    ids = result["answer"].ids.tolist()
    states = read_states(question.vlm, question.image[None], [question.words], [ids], judged)
    weights = probe_result["probe"]["weight"]
    risk = expit(features(states, ("CEV 2", "CEV 3"), AT) @ weights[:-1] + weights[-1])
    assert np.allclose(words["risk"][[mention.place for mention in named]], risk, atol=1e-5)
    finding = WordRisk().finding(question, result)
    for named_word, share in zip(named, risk, strict=True):
        assert (f"the {named_word.node} ({100 * share:.0f} %)" in finding) == (share >= 0.5)
        assert f"the {named_word.node}" in finding
    question = asking.about_scene(HABIT, asking.scene("counter", 424), "is there a lamp")
    result = WordRisk()(question)
    assert [labels[0] for labels in result["lens 3"].labels] == list(result["answer"].words)
    assert np.allclose(result["lens 3"].values[:, 0], result["answer"].probability, atol=1e-4)
    assert np.isnan(result["words"]["risk"]).all()
    assert "names no thing" in WordRisk().finding(question, result)


@pytest.mark.slow
def test_what_the_sheet_says_of_probes_over_three_seeds(measure):
    rows, nulls = [], []
    for seed in range(3):
        case = ScenesCase(load(HABIT), Greedy(), probing.COUNT, seed=100 * seed)
        states, gates = (run.answer(HalluRAG(feature=feature), case) for feature in ("CEV", "IAV"))
        before = run.answer(HalluRAG(when=WHEN[BEFORE]), case)
        rates, kinds = states["compared"], states["questions"]
        rows.append(
            {
                "linear probe": rates.cell(LINEAR, "AUROC"),
                "published probe": rates.cell(PUBLISHED, "AUROC"),
                "gates in the place of states": gates["compared"].cell(LINEAR, "AUROC"),
                "one word before": before["compared"].cell(LINEAR, "AUROC"),
                "the embedding": states["layers"].cell("the embedding", "CEV, at the word"),
                "the word alone": rates.cell(WORD, "AUROC"),
                "its own confidence": rates.cell(CONFIDENCE, "AUROC"),
                "shuffled labels, mean": states["shuffled"]["AUROC"].mean(),
                "probes of their own by kind of question": kinds["a probe of its own"].mean(),
                "one probe for both kinds": kinds["one probe for both"].mean(),
            }
        )
        nulls.append(rows[-1]["shuffled labels, mean"])
    mean = {name: np.mean([row[name] for row in rows]) for name in rows[0]}
    for name in mean:
        summary = ", ".join(f"{row[name]:.3f}" for row in rows)
        measure(f"HalluRAG, TinyVLM with the habit, AUROC of three draws: {name}", summary)
    assert min(row["linear probe"] for row in rows) >= 0.8
    assert 0.45 <= np.mean(nulls) <= 0.55
    assert mean["the embedding"] < mean["linear probe"] - 0.1
    assert abs(mean["linear probe"] - mean["gates in the place of states"]) <= 0.05
    assert mean["published probe"] >= mean["linear probe"] - 0.02
    separate = mean["probes of their own by kind of question"]
    assert separate >= mean["one probe for both kinds"] - 0.01
