"""Rerouting by an image: its figures, by steps that are written out again, and its claims."""

from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from engine.core.method import quiet
from engine.evaluation.experiment import ExperimentCase
from engine.hallucination.ssr_audit import image_rerouting
from engine.hallucination.ssr_audit.examined import (
    ADDED,
    ADDED_RANDOM,
    AT_END,
    AT_WORD,
    CAUSES,
    PROBES,
    REMOVED,
    REMOVED_RANDOM,
    SHUFFLED,
)
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting, projection_table
from engine.hallucination.ssr_audit.image_rerouting_claims import (
    AWARE,
    CLAIMS,
    COMPARED,
    DETECTOR_AUROC,
    EPS50,
    FIRST,
    LAST,
    LEVELS,
    NOISE,
    OUTPUT,
    PROBED,
    ROUTES,
    STEPS,
    UNAWARE,
    UNSEEN,
    color_measure,
)
from engine.hallucination.ssr_audit.inside_claims import ACCURACY, CHANGE
from engine.hallucination.ssr_audit.scene_questions import examined_vlm
from engine.hallucination.vlm_audit.audit_pairs import SCENES
from engine.hallucination.vlm_audit.defenses import JPEG, disagreement, recoded
from engine.hallucination.vlm_audit.phrases import COLORED, answers
from engine.vision import data as data_sets
from engine.vision.language.tiny_vlm.weights import HONEST, load
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.steps import nearest_levels, steps
from tests.engine.hallucination.tiny import one_pass

SMALL = ImageRerouting(seeds=1, asked=6, steps=8)
UNKNOWN = "unknown"
FEW = (0, COMPARED, 8)  # a step of a quarter of ε, and one of its usual length


@pytest.fixture(scope="module")
def case():
    return ExperimentCase(data_sets.load(SCENES))


@pytest.fixture(scope="module", autouse=True)
def few_levels():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_rerouting, "LEVELS", FEW)
        yield


@pytest.fixture(scope="module")
def result(few_levels, case):
    return SMALL(case)


def states_and_logits(vlm, pixels, prompt):
    """States at the question's last word and its logits, by the model's own reading."""
    prompt_ids = torch.tensor(vlm.tokenizer.encode(prompt))[None]
    out = one_pass(vlm, pixels[None], prompt_ids, RequestedOutputs(hidden=(1, 2, 3)))
    return {at: states[0, -1] for at, states in out.hidden.items()}, out.logits[0]


def loss_by_hand(audit, condition, pixels, prompt):
    states, logits = states_and_logits(audit.vlm, pixels, prompt)
    if condition == OUTPUT:
        word = audit.vlm.tokenizer.encode(UNKNOWN)[0]
        return F.softplus(logits[word] - torch.cat([logits[:word], logits[word + 1 :]]).max())
    layer = 3 if condition == LAST else audit.middle
    spaces, state = audit.spaces, states[layer]
    if condition == PROBED:
        return -F.logsigmoid(state @ spaces.weights[layer] + spaces.offsets[layer])
    away = state - spaces.middles[layer] * spaces.directions[layer]
    return (-1 - F.cosine_similarity(away, spaces.directions[layer], dim=0)).square()


def by_hand(one, asked, condition, row, epsilon, start):
    """Madry's steps for one question; the levels in the end, and after how many it gives way."""
    prompt, image = asked.prompts[row], asked.levels[row]
    length = min(1, epsilon / 4) / 255
    of_question = partial(loss_by_hand, one, condition, prompt=prompt)
    ways = [*steps(of_question, image / 255, epsilon, start, SMALL.steps, length)]
    away = (at for at, (_, way) in enumerate(ways) if next_word(one.vlm, way, prompt) != UNKNOWN)
    return nearest_levels(ways[-1][1], image, epsilon).to(torch.int16), next(away, SMALL.steps)


def next_word(vlm, pixels, prompt):
    word = int(states_and_logits(vlm, pixels, prompt)[1].argmax())
    return vlm.tokenizer.decode([word])


def next_words(vlm, images, prompts):
    return [next_word(vlm, *question) for question in zip(images, prompts, strict=True)]


@pytest.mark.parametrize("condition", [FIRST, PROBED, LAST, OUTPUT])
def test_figures_are_those_of_steps_written_out(case, result, condition):
    examined, table = examined_vlm(load(HONEST), case), result["table"]
    questions = SMALL.questions(examined)
    assert set(questions.prompts) <= set(examined.moved.prompts)
    draws = (torch.Generator().manual_seed(at) for at in range(len(FEW)))  # apart for each ε
    noise = [2 * torch.rand(questions.levels.shape, generator=draw) - 1 for draw in draws]
    for epsilon in FEW[1:] if condition == FIRST else [COMPARED]:
        at = FEW.index(epsilon)
        ends = [
            by_hand(examined, questions, condition, row, epsilon, noise[at][row])
            for row in range(6)
        ]
        pixels = [levels.float() / 255 for levels, _ in ends]
        words = next_words(examined.vlm, pixels, questions.prompts)
        right = np.mean([word in COLORED for word in words])
        # one of six may turn on float noise along the way
        assert table.cell(condition, color_measure(epsilon)) == pytest.approx(right, abs=0.17)
        if epsilon == COMPARED:
            steps = np.mean([first for _, first in ends])
            assert table.cell(condition, STEPS) == pytest.approx(steps, abs=0.34)
            coded = [recoded(image[None], 60)[0] for image in pixels]
            behind = next_words(examined.vlm, coded, questions.prompts)
            if condition == FIRST:
                share = np.mean([word in COLORED for word in behind])
                rate = table.cell(UNAWARE[JPEG], color_measure(epsilon))
                assert rate == pytest.approx(share, abs=0.17)
                assert table.cell(FIRST, UNSEEN) == pytest.approx(
                    unseen(examined, [levels for levels, _ in ends], questions.prompts, words),
                    abs=0.17,
                )
    assert table.cell(condition, color_measure(0)) == 0


def unseen(audit, images, prompts, words, alarms=0.05):
    """Of the answers with a color, how many the last probe's threshold lets pass, by hand."""
    weight, offset = audit.spaces.weights[3], audit.spaces.offsets[3]
    usual = (audit.states[3][~audit.tests.declined] @ weight + offset).numpy()
    odds = [
        float(states_and_logits(audit.vlm, levels.float() / 255, prompt)[0][3] @ weight + offset)
        for levels, prompt, word in zip(images, prompts, words, strict=True)
        if word in COLORED
    ]
    return np.mean(np.array(odds) >= np.quantile(usual, alarms))


def test_the_monitor_reads_the_last_layer(case, monkeypatch):
    """With 5 % false alarms every rerouted answer passes, by the other layers' states too."""
    monkeypatch.setattr("engine.hallucination.ssr_audit.examined.ALARMS", 0.5)
    figures, _ = SMALL.condition(OUTPUT, case, quiet)
    audit = examined_vlm(load(HONEST), case)
    questions = SMALL.questions(audit)
    changes, _ = SMALL.moved(audit, ROUTES[OUTPUT], case, quiet)
    levels = questions.levels + changes[FEW.index(COMPARED)].change
    words = next_words(audit.vlm, levels.float() / 255, questions.prompts)
    share = unseen(audit, levels, questions.prompts, words, 0.5)
    assert figures[UNSEEN] == pytest.approx(share)
    assert 0 < share < 1


def test_detector_and_defenses_hold_rerouted_answers_against_usual_ones(case):
    examined = examined_vlm(load(HONEST), case)
    questions = SMALL.questions(examined)
    near = examined.moved.take((~examined.moved.declined).nonzero()[:, 0][:6])
    usual = answers(examined.vlm, near.pixels, near.prompts)
    assert all(words[0] in COLORED for words in usual)
    changes, _ = SMALL.moved(examined, ROUTES[FIRST], case, quiet)
    pixels = (questions.levels + changes[-1].change).float() / 255
    words = answers(examined.vlm, pixels, questions.prompts)
    clean = disagreement(examined.vlm, near.pixels, near.prompts, usual)
    moved = disagreement(examined.vlm, pixels, questions.prompts, words)
    assert all(len(word) == 1 and word[0] in COLORED for word in words)
    wins = np.mean([(high > low) + 0.5 * (high == low) for high in moved for low in clean])
    assert SMALL.detected(examined, questions, pixels, words) == pytest.approx(wins)
    assert np.isnan(SMALL.detected(examined, questions, pixels, [[UNKNOWN]] * 6))
    plain = SMALL.moved(examined, ROUTES[FIRST], case, quiet)
    assert SMALL.moved(examined, ROUTES[UNAWARE[JPEG]], case, quiet) is plain
    through = SMALL.moved(examined, ROUTES[AWARE[JPEG]], case, quiet)
    assert not torch.equal(through[0][1].change, plain[0][1].change)
    assert [int(attack.change.abs().max()) for attack in plain[0]] == list(FEW)
    noise, _ = SMALL.moved(examined, ROUTES[NOISE], case, quiet)
    assert [int(attack.change.abs().max()) for attack in noise] == list(FEW)
    assert [attack.trace.tolist() for attack in noise] == [[0]] * len(FEW)


def test_conditions_views_and_the_sentence_have_their_figures(case, result):
    table, examined = result["table"], examined_vlm(load(HONEST), case)
    assert list(table.rows) == [*ROUTES, *CAUSES, *PROBES]
    for name in table.rows:
        assert np.isfinite(table.cell(name, color_measure(COMPARED))) == (name in ROUTES)
        assert np.isfinite(table.cell(name, CHANGE)) == (name in CAUSES)
        assert np.isfinite(table.cell(name, ACCURACY)) == (name in PROBES)
        assert np.isfinite(table.cell(name, STEPS)) == (name in (FIRST, PROBED, LAST, OUTPUT))
    usual = dict(zip(CAUSES, (1, 1, 0, 0), strict=True))
    for name in CAUSES:
        changed = abs(examined.edits[name][examined.best - 1] - usual[name])
        assert table.cell(name, CHANGE) == pytest.approx(changed)
    assert table.cell(AT_WORD, ACCURACY) == pytest.approx(examined.accuracies[0])
    assert table.cell(AT_END, ACCURACY) == pytest.approx(examined.accuracies[-1])
    assert table.cell(SHUFFLED, ACCURACY) == pytest.approx(examined.shuffled)
    table = result["rerouted along"]
    assert table.order == ("layer", "declined", "answered", FIRST, OUTPUT, NOISE)
    assert table["declined"][1:] == pytest.approx(1, abs=0.4)
    assert table["answered"][1:] == pytest.approx(-1, abs=0.4)
    assert table[FIRST][examined.middle] < table[NOISE][examined.middle]
    places = projection_table(examined, "own", examined.states[:, examined.tests.declined])
    assert places["own"] == pytest.approx(places["declined"])
    layers = result["rerouted layers"]
    assert layers["probe right"].tolist() == pytest.approx(examined.accuracies)
    assert layers[REMOVED][1:].tolist() == pytest.approx(examined.edits[REMOVED])
    assert len(result["rerouted strip"].images[0]) == 4
    words, table = SMALL.finding(case, result), result["table"]
    assert f"answer {100 * table.cell(FIRST, color_measure(COMPARED)):.0f} %" in words
    assert f"noise {100 * table.cell(NOISE, color_measure(COMPARED)):.0f} %" in words
    assert f"{100 * table.cell(REMOVED, CHANGE):.0f} % less" in words
    assert "simulation" in words
    assert len(set(ImageRerouting.measures)) == len(ImageRerouting.measures)
    assert {EPS50, STEPS, UNSEEN, DETECTOR_AUROC} < set(ImageRerouting.measures)


def test_the_picture_has_a_question_that_is_declined_and_then_answered(case):
    view = SMALL.picture(case)
    before, after, change, noise = view.images[0].astype(int)
    assert np.array_equal(np.minimum(10 * abs(after - before), 255), change)
    assert abs(noise - before).max() == COMPARED
    assert view.caption(0, 0) == view.caption(0, 3) == "“unknown”"
    assert view.caption(0, 1).strip("“”") in COLORED
    assert "what color is the" in view.finding
    assert "simulation" in view.finding.lower()


def margins(**to):
    """The claims' margins where everything holds, but for what is changed."""
    figures = {(name, color_measure(e)): 0.9 for name in ROUTES for e in LEVELS}
    figures |= {(NOISE, color_measure(e)): 0.0 for e in LEVELS}
    figures |= {(name, color_measure(COMPARED)): 0.3 for name in UNAWARE.values()}
    figures |= {(name, CHANGE): share for name, share in zip(CAUSES, (0.9, 0, 0.9, 0), strict=True)}
    figures |= {(name, ACCURACY): 0.5 for name in (AT_WORD, SHUFFLED)} | {(AT_END, ACCURACY): 1.0}
    figures |= {(FIRST, STEPS): 3.0, (OUTPUT, STEPS): 6.0, (FIRST, DETECTOR_AUROC): 0.95}
    figures |= to.get("to", {})
    return [claim.margin(lambda row, name: figures[row, name]) for claim in CLAIMS]


@pytest.mark.parametrize(
    ("claim", "to"),
    [
        (0, {(REMOVED, CHANGE): 0.5}),
        (0, {(REMOVED_RANDOM, CHANGE): 0.2}),
        (1, {(ADDED, CHANGE): 0.5}),
        (1, {(ADDED_RANDOM, CHANGE): 0.2}),
        (2, {(AT_WORD, ACCURACY): 0.7}),
        (2, {(SHUFFLED, ACCURACY): 0.7}),
        (2, {(AT_END, ACCURACY): 0.9}),
        (3, {(FIRST, color_measure(COMPARED)): 0.45}),
        (4, {(NOISE, color_measure(8)): 0.2}),
        (5, {(FIRST, STEPS): 7.0}),
        (6, {(UNAWARE[JPEG], color_measure(COMPARED)): 0.84}),
        (7, {(AWARE[JPEG], color_measure(COMPARED)): 0.3}),
        (8, {(FIRST, DETECTOR_AUROC): 0.7}),
    ],
)
def test_a_claim_falls_with_the_figure_it_is_about(claim, to):
    assert all(margin > 0 for margin in margins())
    assert [at for at, margin in enumerate(margins(to=to)) if margin < 0] == [claim]
