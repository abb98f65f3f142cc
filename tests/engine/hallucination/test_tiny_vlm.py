"""The interface's contract: reading one token after the other is one long forward pass."""

import pytest
import torch

from engine.errors import BlindspotError
from engine.hallucination.decoding.mvp import padded
from engine.hallucination.tiny_vlm.model import CONTEXT, TOKENS
from engine.hallucination.tiny_vlm.words import PAD
from engine.hallucination.vlm import RequestedOutputs
from tests.engine.hallucination.tiny import prompts, scenes, untrained

ALL = RequestedOutputs(hidden=(0, 1, 2, 3), attention=(0, 1, 2), gates=(0, 1, 2), rows="all")
ANSWER_TOKENS = torch.tensor([[40, 21, 30, 55, 10], [12, 60, 33, 20, 71]])


@pytest.fixture(scope="module")
def image():
    vlm = untrained()
    with torch.no_grad():
        return vlm.encode_image(vlm.normalize(scenes()[:2]))


@pytest.fixture(scope="module")
def opened(image):
    with torch.no_grad():
        return untrained().prefill(image, prompts(count=2), ALL)


@torch.no_grad()
def stepped(out, tokens, **kwargs):
    """Logits after each token, (B, n, V), and the last output."""
    results = []
    for token in tokens.T:
        out = untrained().step(token, out.cache, RequestedOutputs(attention=(0, 1, 2)), **kwargs)
        results.append(out.logits)
    return torch.stack(results, 1), out


@torch.no_grad()
def full(image, prompt, tokens):
    """Logits after prompt and tokens in one pass, each length apart, (B, n, V)."""
    lengths = range(1, tokens.shape[1] + 1)
    texts = [torch.cat([prompt, tokens[:, :n]], 1) for n in lengths]
    return torch.stack([untrained().prefill(image, text)[0].logits for text in texts], 1)


def test_reading_token_by_token_gives_the_logits_of_the_whole(image, opened):
    logits, _ = stepped(opened[0], ANSWER_TOKENS)
    assert torch.allclose(logits, full(image, prompts(count=2), ANSWER_TOKENS), atol=1e-4)


def test_packed_training_computes_what_the_cached_model_does(image, opened):
    text = torch.cat([prompts(count=2), ANSWER_TOKENS], 1)
    packed = untrained().answers(image, text[:, None].repeat(1, 3, 1))
    logits, _ = stepped(opened[0], ANSWER_TOKENS)
    for copy in packed.unbind(1):
        assert torch.allclose(copy, logits[:, -1].log_softmax(-1), atol=1e-4)


def test_attention_adds_up_to_one_and_sees_nothing_behind(opened):
    for shares in opened[0].attention.values():
        assert torch.allclose(shares.sum(-1), torch.ones(()), atol=1e-5)
        assert shares.triu(1).abs().max() == 0


def test_the_image_lies_where_the_prefix_says(opened):
    prefix = opened[1]
    assert prefix.image.tolist() == list(range(1, 1 + TOKENS))
    rows, columns = untrained().spec.grid
    assert rows * columns == len(prefix.image)
    assert untrained().spec.cell(9) == (0, 1, 1)
    assert prefix.response == 1 + TOKENS + 3


def test_selecting_all_places_changes_nothing(opened):
    cache = opened[0].cache
    for layer, length in enumerate(cache.lengths()):
        cache = cache.select(layer, torch.arange(length))
    with torch.no_grad():
        plain = untrained().step(ANSWER_TOKENS[:, 0], opened[0].cache).logits
        assert torch.equal(untrained().step(ANSWER_TOKENS[:, 0], cache).logits, plain)


def test_selecting_places_is_hiding_the_others(opened):
    """Per layer different places; hiding is done by a hook that sets shares to 0 and renews."""
    vlm, keep = untrained(), [torch.arange(0, 60), torch.arange(5, 68), torch.arange(1, 68, 2)]
    cache = opened[0].cache
    for layer, places in enumerate(keep):
        cache = cache.select(layer, places)

    def hide(layer, shares):
        visible = torch.zeros(shares.shape[-1])
        visible[keep[layer]] = 1
        visible[-1] = 1  # the token itself
        hidden = shares * visible
        return hidden / hidden.sum(-1, keepdim=True)

    with torch.no_grad():
        thinned = vlm.step(ANSWER_TOKENS[:, 0], cache).logits
        masked = vlm.step(ANSWER_TOKENS[:, 0], opened[0].cache, attn_hook=hide).logits
    assert cache.lengths() == (60, 63, 34)
    assert torch.allclose(thinned, masked, atol=1e-5)


def test_a_thinned_cache_goes_on_at_the_true_position(opened):
    cache = opened[0].cache.select(0, torch.arange(10))
    assert cache.next_position.tolist() == [68, 68]
    with torch.no_grad():
        grown = untrained().step(ANSWER_TOKENS[:, 0], cache).cache
    assert grown.positions(0)[0, -1] == 68
    assert grown.next_position.tolist() == [69, 69]


def test_cropping_and_reading_again_gives_the_same(opened):
    logits, out = stepped(opened[0], ANSWER_TOKENS)
    back = out.cache.crop(opened[1].response + 2)
    assert back.lengths() == (70, 70, 70)
    with torch.no_grad():
        again = untrained().step(ANSWER_TOKENS[:, 2], back).logits
    assert torch.allclose(again, logits[:, 2], atol=1e-6)


def test_expanding_and_reordering_permute_the_answers(opened):
    cache = opened[0].cache.expand(2).reorder(torch.tensor([3, 0]))  # row 1, row 0
    with torch.no_grad():
        swapped = untrained().step(ANSWER_TOKENS[:, 0].flip(0), cache).logits
        plain = untrained().step(ANSWER_TOKENS[:, 0], opened[0].cache).logits
    assert torch.allclose(swapped, plain.flip(0), atol=1e-6)


def test_leaving_after_the_last_layer_is_the_model_itself(opened):
    with torch.no_grad():
        plain = untrained().step(ANSWER_TOKENS[:, 0], opened[0].cache)
        left = untrained().step(ANSWER_TOKENS[:, 0], opened[0].cache, exit_layer=3)
        none = untrained().step(
            ANSWER_TOKENS[:, 0], opened[0].cache, RequestedOutputs(hidden=(0,)), exit_layer=0
        )
    assert torch.equal(plain.logits, left.logits)
    assert torch.equal(none.logits, untrained().unembed(none.hidden[0][:, -1]))
    assert none.cache.lengths() == opened[0].cache.lengths()


def test_hidden_states_and_gates_have_their_shapes(opened):
    out = opened[0]
    assert {at: tuple(states.shape) for at, states in out.hidden.items()} == dict.fromkeys(
        range(4), (2, 68, 128)
    )
    assert {tuple(gate.shape) for gate in out.gates.values()} == {(2, 68, 256)}
    assert torch.equal(untrained().unembed(out.hidden[3][:, -1]), out.logits)


def test_two_prompts_of_different_length_are_answered_as_alone(image):
    vlm = untrained()
    prompt_ids = [vlm.tokenizer.encode(text) for text in ("is there a boat", "describe closely")]
    together = padded(prompt_ids, vlm)
    assert together[1].tolist()[:2] == [PAD, PAD]
    with torch.no_grad():
        both, _ = vlm.prefill(image, together)
        after = vlm.step(torch.tensor([20, 20]), both.cache).logits
        for row, words in enumerate(prompt_ids):
            single, _ = vlm.prefill(image[row : row + 1], torch.tensor([words]))
            assert torch.allclose(both.logits[row], single.logits[0], atol=1e-5)
            alone = vlm.step(torch.tensor([20]), single.cache).logits[0]
            assert torch.allclose(after[row], alone, atol=1e-5)


def test_merging_places_leaves_their_mean(opened):
    cache = opened[0].cache
    merged = cache.mean_merge(1, torch.tensor([3, 5, 8]))
    assert merged.lengths() == (68, 66, 68)
    assert merged.positions(1)[0].tolist()[:8] == [0, 1, 2, 4, 6, 7, 8, 9]
    mean = cache.layers[1].keys[:, :, [3, 5, 8]].mean(2)
    assert torch.allclose(merged.layers[1].keys[:, :, 6], mean)


def test_text_alone_is_read_behind_the_place_of_an_image():
    with torch.no_grad():
        out, prefix = untrained().prefill(None, prompts())
    assert out.cache.lengths() == (4, 4, 4)
    assert out.cache.positions(0)[0].tolist() == [0, 65, 66, 67]
    assert len(prefix.image) == 0
    assert prefix.response == 68


def test_the_loss_is_the_mean_over_the_answers_words(image):
    prompt, answer = [12, 30, 45], [9, 2]
    tokens = torch.tensor([[prompt + answer + [PAD]]]).repeat(2, 1, 1)
    start = torch.full((2, 1), 3)
    slowly = []
    with torch.no_grad():
        loss = untrained().loss(image, tokens, start)
        for n, word in enumerate(answer):
            read = torch.tensor([prompt + answer[:n]]).repeat(2, 1)
            logits = untrained().prefill(image, read)[0].logits
            slowly.append(-logits.log_softmax(-1)[:, word])
    assert loss == pytest.approx(torch.cat(slowly).mean().item(), abs=1e-5)


@pytest.mark.parametrize(
    ("prompt", "why"), [([], "empty"), ([30] * (CONTEXT - TOKENS - 1), "126 fit")]
)
def test_a_prompt_that_does_not_fit_is_refused(image, prompt, why):
    with pytest.raises(BlindspotError, match=why):
        untrained().prefill(image, torch.tensor([prompt, prompt], dtype=torch.int64))


def test_the_decoder_names_its_linear_layers():
    linears = untrained().named_linears()
    assert len(linears) == 3 * 5
    assert linears["layers.0.qkv"].weight.shape == (384, 128)
