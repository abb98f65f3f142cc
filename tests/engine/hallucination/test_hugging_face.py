"""The interface's contract for models of transformers, on random ones of every kind."""

from dataclasses import replace
from functools import cache, partial
from math import prod

import pytest
import torch

from engine.core.errors import BlindspotError
from engine.core.result.words import joined_pieces, whole_words
from engine.hallucination import (
    MVP,
    OPERA,
    VCD,
    Beam,
    CaptionCase,
    Cause,
    DoLa,
    Greedy,
    RegionWords,
    Sampling,
    VASparse,
)
from engine.hallucination.grounding.looks import Looks
from engine.hallucination.grounding.relevancy import Relevancy
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.language.decoding.generate import generate
from engine.vision.models.extras import TRANSFORMERS
from tests.engine.hallucination import tiny_hf
from tests.engine.hallucination.any_vlm import (
    ANSWER_TOKENS,
    EVERY,
    QUESTION,
    images,
    opened,
    prompt_ids,
)

pytestmark = pytest.mark.skipif(not TRANSFORMERS.installed, reason="transformers is not installed")
each_kind = pytest.mark.parametrize("kind", tiny_hf.KINDS)
LENGTH = 12
NEUTRAL = (  # each strategy where it changes nothing
    Greedy(),
    Sampling(temperature=0.1, top=0.05),
    Beam(beams=1),
    Beam(beams=3),  # and as many in the library
    VCD(alpha=0.0, beta=0.0),
    DoLa(cut=1.0),
    OPERA(beams=1, candidates=1, weight=0.0, threshold=None),
    VASparse(keep=1.0, visual=0.0, eta=0.0, gamma=0.0),
)


def image_inputs(kind, vlm, row, text):
    """What the library itself is given of an image: for Qwen by its own image processor."""
    clear = images(vlm, 2)[row : row + 1]
    if kind == "qwen2_vl":
        from transformers import Qwen2VLImageProcessor

        vision = vlm.family.config.vision_config
        reader = Qwen2VLImageProcessor(
            do_resize=False,
            do_rescale=False,
            do_normalize=False,
            do_convert_rgb=False,
            patch_size=vision.patch_size,
            merge_size=vision.spatial_merge_size,
            temporal_patch_size=vision.temporal_patch_size,
        )
        return dict(reader(clear[0], return_tensors="pt", input_data_format="channels_first"))
    if kind in {"idefics3", "smolvlm"}:
        return {"pixel_values": clear[:, None]}
    if kind == "llava_onevision":
        sizes = torch.tensor([[vlm.spec.side] * 2])
        return {"pixel_values": clear[:, None], "image_sizes": sizes, "batch_num_images": [2]}
    if kind == "instructblip":
        words = vlm.family.tokenizers[0](vlm.family.after.format(text), return_tensors="pt")
        return {"pixel_values": clear, "qformer_input_ids": words["input_ids"]}
    return {"pixel_values": clear}


network = cache(tiny_hf.network)  # the adapter never touches it


@cache
def by_library(kind, row=0, text=QUESTION, ends=(2,), beams=1):
    vlm = tiny_hf.model(kind)
    image_tokens = torch.full((1, vlm.family.tokens), vlm.family.image_token)
    ids = torch.cat([vlm.before, image_tokens, prompt_ids(vlm, text)], 1)
    extra = image_inputs(kind, vlm, row, text)
    if kind == "qwen2_vl":
        extra["mm_token_type_ids"] = (ids == vlm.family.image_token).int()
    generated = network(kind).generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=LENGTH,
        do_sample=False,
        eos_token_id=list(ends),
        num_beams=beams,
        **extra,
    )[0, ids.shape[1] :]
    return cut(generated.tolist())


def cut(tokens):
    return tokens[: tokens.index(2) + 1] if 2 in tokens else tokens


@each_kind
@pytest.mark.parametrize("strategy", [Greedy(length=LENGTH), Beam(length=LENGTH, beams=3)])
def test_any_of_several_ends_ends_an_answer_as_in_the_library(kind, strategy):
    """As Qwen2-VL has two: the second is a word that the model says early."""
    ends = 2, by_library(kind)[2]
    vlm, beams = tiny_hf.model(kind, ends), getattr(strategy, "beams", 1)
    result = by_house(vlm, strategy)
    assert result == by_library(kind, ends=ends, beams=beams)
    assert beams > 1 or (len(result) == 3 and result[-1] in ends)  # beams may go on without one


def test_the_record_of_an_answer_leaves_out_whichever_token_ended_it():
    second = by_library("llava")[2]
    vlm = tiny_hf.model("llava", (2, second))
    assert second not in Greedy(length=LENGTH)(case_of(vlm))["answer"].ids.tolist()


def by_house(vlm, strategy, row=0, text=QUESTION):
    result = generate(vlm, strategy, images(vlm, 2)[row : row + 1], prompt_ids(vlm, text))
    return cut(result.tokens[0].tolist())


@each_kind
@pytest.mark.parametrize("strategy", NEUTRAL, ids=repr)
def test_a_strategy_that_changes_nothing_says_what_the_library_says(kind, strategy):
    vlm = tiny_hf.model(kind)
    strategy = type(strategy)(**strategy.settings() | {"length": LENGTH})
    answers = [by_house(vlm, strategy, row) for row in (0, 1)]
    beams = strategy.beams if isinstance(strategy, Beam) else 1
    assert answers == [by_library(kind, row, beams=beams) for row in (0, 1)]
    assert len(answers[0]) > 2


@each_kind
def test_the_image_lies_where_the_prefix_says_and_fills_the_grid(kind):
    vlm, out, prefix = opened(kind)
    count = len(prefix.image)
    assert count == (prod(vlm.spec.grid) if vlm.spec.grid else vlm.family.tokens)
    asks = partial(vlm.tokenizer.questions, prompt_ids(vlm, count=2), vlm.spec.pad)
    image_features = vlm.family.asked(vlm.encode_image(images(vlm, 2)), asks)
    assert torch.equal(out.hidden[0][:, prefix.image], image_features[:, :count])
    assert torch.equal(
        out.hidden[0][:, prefix.prompt], vlm.family.decoder.embed_tokens(prompt_ids(vlm, count=2))
    )
    assert prefix.response == out.cache.lengths()[0]
    assert case_of(vlm).image_tokens == vlm.family.tokens > 0


def test_a_full_context_takes_no_token_more(monkeypatch):
    vlm, out, _ = opened("llava")
    full = int(out.cache.next_position.max()) + 1
    monkeypatch.setattr(vlm, "spec", replace(vlm.spec, context=full))
    out = vlm.step(ANSWER_TOKENS[:, 0], out.cache)
    with pytest.raises(BlindspotError, match=f"full: {full} tokens"):
        vlm.step(ANSWER_TOKENS[:, 1], out.cache)


@pytest.mark.parametrize("kind", ["llava", "smolvlm", "qwen2_vl"])
def test_every_strategy_and_map_runs_on_a_photograph(kind):
    vlm = tiny_hf.model(kind)
    case = CaptionCase(vlm, tiny_hf.pixels(2, vlm.spec.side)[0], QUESTION)
    for strategy in (VCD, DoLa, OPERA, VASparse, MVP, Beam):
        assert strategy(length=4)(case)["answer"].grid == vlm.spec.grid
    words = WordCase.of(case, tuple(Greedy(length=4)(case)["answer"].ids.tolist()), (1,))
    assert Looks()(words)["map"].values.shape == (vlm.spec.side, vlm.spec.side)
    assert Relevancy()(words)["map"].values.max() > 0


def test_a_model_in_sixteen_bits_is_asked_and_shown_like_one_in_thirty_two():
    vlm = tiny_hf.built("llava", dtype=torch.bfloat16)
    case = CaptionCase(vlm, tiny_hf.pixels(2, vlm.spec.side)[0], QUESTION)
    for strategy in (OPERA, VASparse, MVP):
        shares = strategy(length=4)(case)["answer"].probability
        assert ((shares > 0) & (shares <= 1)).all()
    words, exact = (
        WordCase.of(CaptionCase(network, case.image, QUESTION), (40, 21, 30), (1,))
        for network in (vlm, tiny_hf.model("llava"))
    )
    for kind in (Looks, Relevancy):
        near, far = (kind()(word_case)["map"].values for word_case in (words, exact))
        assert abs(near - far).max() < 0.1 * far.max()
    inside, other = (RegionWords()(w)["words"]["attention inside"] for w in (words, exact))
    assert inside == pytest.approx(other, abs=0.02)


def test_pieces_are_put_together_and_yes_is_known_in_every_spelling():
    vlm = tiny_hf.model("llava")
    ids = vlm.tokenizer.encode_answer("Yes, there is a gondola.")
    pieces = vlm.tokenizer.convert_ids_to_tokens(ids)
    assert pieces[0] == "Y"  # a capital begins a word
    assert pieces[-1] == "##."
    assert joined_pieces(pieces) == "Yes, there is a gondola."
    assert whole_words(pieces)[0] == ["yes", ",", "there", "is", "a", "gondola", "."]
    assert vlm.tokenizer.decode(ids) == "Yes, there is a gondola."
    spellings = {vlm.tokenizer.tokenizer.decode([token]) for token in vlm.spec.yes}
    assert {"Yes", " Yes"} & spellings
    assert {spelling.strip().lower() for spelling in spellings} == {"yes"}


@pytest.mark.parametrize(
    ("text", "why"), [("<image> there", "sign of its own"), (" ", "empty"), ("boat " * 500, "fit")]
)
def test_a_prompt_that_cannot_be_asked_is_refused_in_words(text, why):
    vlm = tiny_hf.model("llava")
    with pytest.raises(BlindspotError, match=why):
        CaptionCase(vlm, tiny_hf.pixels(2, 8)[0], text)


def test_attention_that_is_not_to_be_seen_is_not_offered(monkeypatch):
    """A layer that computes attention in its own way: the rest still works."""
    vlm = tiny_hf.model("llava")
    monkeypatch.setattr(vlm.family.decoder.config, "_attn_implementation", "eager")
    assert vlm.tried() == {"hidden", "select", "exit"}
    assert len(Greedy(length=3)(case_of(vlm))["answer"].words) == 3


def case_of(vlm):
    return CaptionCase(vlm, tiny_hf.pixels(2, vlm.spec.side)[0], QUESTION)


def test_instructblip_looks_anew_for_each_question_and_not_for_what_it_has_said():
    vlm = tiny_hf.model("instructblip")
    image_features = vlm.encode_image(images(vlm))

    def read(text, spoken=()):
        ids = torch.tensor([[*vlm.tokenizer.encode(text), *spoken]])
        out, prefix = vlm.prefill(image_features, ids, EVERY)
        return out.hidden[0][:, prefix.image]

    assert torch.equal(read(QUESTION), read(QUESTION, ANSWER_TOKENS[0].tolist()))
    assert (read(QUESTION) - read("is there a lamp")).abs().max() > 1e-3
    for text in ("is there a lamp", "describe the image"):
        assert by_house(vlm, Greedy(length=LENGTH), 1, text) == by_library("instructblip", 1, text)


def test_questions_of_instructblip_end_before_the_answer_and_fit_the_q_former(monkeypatch):
    tongue = tiny_hf.model("instructblip").tokenizer
    long, short = (tongue.encode(text) for text in ("is there a boat and a lamp", "describe"))
    rows = torch.tensor([[*long, 40, 41], [0] * (len(long) - len(short)) + [*short, 40, 41]])
    assert tongue.questions(rows, 0) == ["Q: is there a boat and a lamp A:", "Q: describe A:"]
    with pytest.raises(BlindspotError, match="holds “A:”, with which prompts end"):
        tongue.encode("Q: is it red? A: no. Is it blue?")
    vlm = tiny_hf.model("instructblip")
    monkeypatch.setattr(vlm.family.config.qformer_config, "max_position_embeddings", 4)
    with pytest.raises(BlindspotError, match=r"The question has \d+ tokens; 4 fit"):
        by_house(vlm, Greedy(length=2))


def test_image_tokens_without_a_place_give_answers_and_no_map():
    case = case_of(tiny_hf.model("instructblip"))
    for strategy in (VCD, DoLa, OPERA, VASparse, MVP, Beam):
        assert len(strategy(length=4)(case)["answer"].words) > 1
    assert Greedy(length=4)(case)["answer"].grid == (0, 0)
    thinned = VASparse(length=4)(case)
    assert "kept" not in thinned
    assert len(thinned["dropped"]) == len(case.words) + len(thinned["answer"].words) - 1
    assert thinned["sinks"].rows[: len(case.words)] == thinned["dropped"].rows[: len(case.words)]
    words = WordCase.of(case, tuple(Greedy(length=4)(case)["answer"].ids.tolist()), (1,))
    for method in (Looks(), Relevancy(), RegionWords()):
        assert "a map has no places" in method.unmet(words)
    assert not Cause().unmet(replace(words, others=case.image[None], names=("same",)))
