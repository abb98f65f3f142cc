"""MVP: its score by brute force, its limits, and what some of its views decide."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from engine.core.errors import DoesNotFit
from engine.core.result import Table
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.evaluation.language.scenes import SceneBatch
from engine.hallucination.mvp.method import (
    MVP,
    VIEWS,
    Paths,
    Trail,
    best_of,
    padded,
    total_cost,
    totals,
)
from engine.hallucination.mvp.views_ablation import SUBSETS, ViewsAblation, lead
from engine.vision.language.case import CaptionCase
from engine.vision.language.scenes import UNSEEN
from engine.vision.language.tiny_vlm.sayings import yes_no_question
from engine.vision.language.tiny_vlm.weights import HABIT, load
from tests.engine.hallucination.tiny import case, untrained

QUESTION = "is there a boat"
YES, NO = untrained().spec.yes[0], untrained().spec.no[0]


def question_case(row=0, seed=0):
    return case(QUESTION, row, seed)


@torch.no_grad()
def logits(prompt, row=0):
    """Of the next word behind a text, by a full pass."""
    vlm = untrained()
    image = vlm.encode_image(question_case(row).images)
    return vlm.prefill(image, torch.tensor([prompt]))[0].logits[0]


def brute(result, method, row=0):
    """S of yes and no from full passes, along the likeliest words (temperature 0)."""
    vlm, scores = untrained(), {"yes": 0.0, "no": 0.0}
    for view, weight in zip(VIEWS, method.weights, strict=True):
        caption = vlm.tokenizer.decode(result[view].ids.tolist())
        prompt = vlm.tokenizer.encode(f"caption : {caption} {QUESTION}")
        shares, firsts = logits(prompt, row).softmax(-1).topk(method.paths)
        for share, first in zip(shares.tolist(), firsts.tolist(), strict=True):
            if first in {YES, NO}:
                scores["yes" if first == YES else "no"] += weight * share
                continue
            if share < 1e-3:
                continue
            verdict, text = None, [*prompt, first]
            for _ in range(method.length - 1):
                spread = logits(text, row).softmax(-1)
                best = int(spread.argmax())
                if best in {YES, NO}:
                    top, other_top = spread.topk(2).values.tolist()
                    verdict = "yes" if best == YES else "no", top - other_top
                    break
                if best == vlm.spec.eos:
                    break
                text.append(best)
            name, sure = verdict or ("yes", 1.0)
            scores[name] += weight * share * sure
    return scores


@pytest.mark.parametrize("row", [0, 1])
def test_the_score_is_that_of_a_brute_force(row):
    method = MVP(paths=4, temperature=0.0, length=10)
    result = method(question_case(row))
    expected = brute(result, method, row)
    assert np.allclose(result["scores"].values, [expected["yes"], expected["no"]], atol=1e-4)


def test_scores_are_the_sum_of_what_paths_add():
    result = MVP(paths=5, length=12)(question_case())
    paths = result["paths"]
    assert len(paths) == 15
    no = paths["says yes"] == 0
    assert paths["adds"][~no].sum() == pytest.approx(result["scores"].values[0], abs=1e-6)
    assert paths["adds"][no].sum() == pytest.approx(result["scores"].values[1], abs=1e-6)
    sure = paths["certainty"][~np.isnan(paths["certainty"])]
    assert ((sure >= 0) & (sure <= 1)).all()
    assert paths["view"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    for view in range(3):
        shares = paths["probability"][paths["view"] == view]
        assert sorted(shares, reverse=True) == shares.tolist()


def test_with_one_path_and_one_view_it_is_greedy_behind_the_caption():
    method = MVP(paths=1, closely=0.0, overall=0.0, plainly=1.0, temperature=0.0, length=8)
    result = method(question_case())
    caption = result["regular"].text
    text = untrained().tokenizer.encode(f"caption : {caption} {QUESTION}")
    greedy = []
    while len(greedy) < 8 and not {YES, NO, 2} & set(greedy):
        greedy.append(int(logits(text + greedy).argmax()))
    assert result["answer"].ids.tolist() == [token for token in greedy if token != 2]
    assert result["paths"]["adds"][:2].tolist() == [0, 0]


def test_captions_are_drawn_from_the_models_own_words_by_seed():
    scene = SceneBatch.drawn(2, "broken", seed=UNSEEN).pixels[1]
    first, same, second = (
        MVP(length=24)(CaptionCase(load(HABIT), scene, QUESTION, seed)) for seed in (0, 0, 1)
    )
    for view, prompt in VIEWS.items():
        assert first[view].prompt == prompt
        assert first[view].ids.tolist() == same[view].ids.tolist()
    assert any(first[view].ids.tolist() != second[view].ids.tolist() for view in VIEWS)


def weighed(words, share=0.5, view=1, **settings):
    """A path of words, at each of which the model thought of two with 0.7 and 0.1."""
    steps = [
        SimpleNamespace(token=word, strong=SimpleNamespace(shares=np.array([0.7, 0.1, 0.1])))
        for word in words
    ]
    method = MVP(closely=0.2, overall=0.6, plainly=0.0, **settings)  # 0.25, 0.75 and 0
    path = method.weighed(untrained().spec, view, share, steps)
    assert (path.view, path.share) == (view, share)
    return path.says, path.sure, path.adds


OTHER = 7


def test_a_path_counts_by_its_first_word_and_how_sure_its_answer_is():
    assert OTHER not in {YES, NO}
    table = [
        (weighed([YES]), (True, 1.0, 0.375)),
        (weighed([NO, YES], view=0), (False, 1.0, 0.125)),
        (weighed([OTHER, YES, NO]), (True, 0.6, 0.225)),
        (weighed([OTHER, OTHER, NO], share=0.2), (False, 0.6, 0.09)),
        (weighed([OTHER, YES], view=2), (True, 0.6, 0.0)),
        (weighed([OTHER, YES], share=0.0009), (True, 0.6, 0.0)),
        (weighed([OTHER, YES], share=0.001), (True, 0.6, 0.00045)),
        (weighed([NO], share=0.0009), (False, 1.0, 0.000675)),
    ]
    for (says, sure, adds), expected in table:
        assert says is expected[0]
        assert (sure, adds) == pytest.approx(expected[1:])
    mute = [weighed([OTHER]), weighed([OTHER], silent=False), weighed([OTHER], share=0.0009)]
    assert [says for says, _, _ in mute] == [None] * 3
    assert [adds for _, _, adds in mute] == pytest.approx([0.375, 0, 0])
    assert all(np.isnan(sure) for _, sure, _ in mute)


def test_paths_end_with_their_answer_or_when_their_first_word_is_too_unlikely():
    vlm = untrained()
    first = torch.full((2, vlm.spec.vocabulary), 1e-12)
    for row, words in enumerate(((YES, OTHER, NO), (OTHER, NO, YES))):
        first[row, list(words)] = torch.tensor([0.9, 0.0995, 0.0005])
    start = SimpleNamespace(
        model=SimpleNamespace(vlm=vlm),
        out=SimpleNamespace(logits=first.log()),
        generator=torch.Generator().manual_seed(0),
    )
    paths, logits = Paths(MVP(paths=3, temperature=0.5), start), torch.randn(6, 9)
    none = SimpleNamespace(said=torch.empty(6, 0, dtype=torch.int64), out=start.out)
    firsts = paths.choose(paths.propose(none), none).tokens
    assert firsts.tolist() == [YES, OTHER, NO, OTHER, NO, YES]
    assert torch.equal(paths.propose(none).scores, first.log())
    said = torch.tensor([[YES, 3], [OTHER, NO], [NO, 3], [OTHER, 3], [3, 3], [YES, 3]])
    now = SimpleNamespace(said=said, out=SimpleNamespace(logits=logits))
    proposal = paths.propose(now)
    assert torch.allclose(proposal.scores, 2 * logits)
    assert torch.equal(proposal.strong, logits)
    sure = SimpleNamespace(scores=torch.full((6, 9), -torch.inf))
    sure.scores[:, 8] = 0.0
    end = vlm.spec.eos
    for heat in (0.0, 0.5):
        tokens = Paths(MVP(paths=3, temperature=heat), start).choose(sure, now).tokens
        assert tokens.tolist() == [end, end, end, 8, 8, end]


def test_it_answers_questions_only_and_costs_what_both_rounds_cost():
    with pytest.raises(DoesNotFit, match="MVP"):
        MVP()(case("describe the image"))
    rounds = [(1, 20, 300), (5, 6, 7)]
    parts = [SimpleNamespace(calls=a, read=b, looked=c) for a, b, c in rounds]
    assert total_cost(*parts).values.tolist() == [6, 26, 307]


def trail(says, adds, share=0.5):
    return Trail(0, share, 1.0, says, adds)


def test_the_surer_answer_wins_and_weights_add_up_to_one():
    results = [trail(True, 0.3), trail(False, 0.25), trail(False, 0.2), trail(None, 0.1)]
    assert totals(results) == pytest.approx((0.4, 0.45))
    assert best_of(results) == 1
    assert best_of([*results, trail(None, 0.35)]) == 4
    assert best_of([trail(True, 0.2), trail(False, 0.2)]) == 0
    assert MVP().weights == pytest.approx((0.4, 0.4, 0.2))
    results = MVP(closely=0.5, overall=0.25, plainly=0.75).weights
    assert results == pytest.approx((1 / 3, 1 / 6, 1 / 2))
    assert MVP(closely=0.0, overall=0.0, plainly=0.0).weights == pytest.approx((1 / 3,) * 3)
    assert padded([[5, 6], [7]], untrained()).tolist() == [[5, 6], [0, 7]]


COUNT = 6
ONE_VIEW = {"bottom-up": (1, 0, 0), "top-down": (0, 1, 0), "regular": (0, 0, 1)}


@pytest.fixture(scope="module")
def mvp_case():
    return ScenesCase(load(HABIT), MVP(), COUNT)


def slowly(mvp_case, method):
    """The share of right answers, question by question, with a method's own scores."""
    sample = SceneBatch.drawn(COUNT, "broken", seed=UNSEEN)
    rows, categories = np.nonzero(sample.leading())
    right = []
    for at, (row, category) in enumerate(zip(rows, categories.tolist(), strict=True)):
        caption_case = CaptionCase(mvp_case.vlm, sample.pixels[row], yes_no_question(category), at)
        yes, no = method(caption_case)["scores"].values
        right.append((yes >= no) == sample.layout.present[row, category])
    return float(np.mean(right)), len(right)


def test_with_one_view_alone_its_paths_decide(mvp_case):
    result = ViewsAblation()(mvp_case)["views"]
    for name, (closely, overall, plainly) in ONE_VIEW.items():
        right, count = slowly(mvp_case, MVP(closely=closely, overall=overall, plainly=plainly))
        assert result.cell(name, "right") == pytest.approx(right)
        assert result.cell(name, "questions") == count


def test_all_three_together_are_mvp_and_none_is_greedy(mvp_case):
    result = ViewsAblation()(mvp_case)["views"]
    for row, strategy in ((" + ".join(VIEWS), MVP()), ("no description", Greedy())):
        rates = Rates()(ScenesCase(load(HABIT), strategy, COUNT))["rates"]
        for name in ("false yes", "missed"):
            assert result.cell(row, name) == pytest.approx(rates[name][0], nan_ok=True)
    assert len(result.rows) == len(SUBSETS) + 1 == 8


def test_no_counts_against_and_silence_is_yes_unless_that_is_turned_off():
    paths = Table.of(
        {
            "view": ([0, 0, 1, 2], ""),
            "says yes": ([1.0, 0.0, 0.0, np.nan], ""),
            "adds": ([0.3, 0.1, 0.2, 0.05], "score"),
        }
    )
    assert lead(paths).tolist() == pytest.approx([0.2, -0.2, 0.05])
    method = MVP(length=2, paths=3)
    loud, quiet = method(question_case()), replace(method, silent=False)(question_case())
    mute = np.isnan(loud["paths"]["says yes"])
    assert mute.any()
    assert (loud["paths"]["adds"][mute] > 0).all()
    assert (quiet["paths"]["adds"][mute] == 0).all()
