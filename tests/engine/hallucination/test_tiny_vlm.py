"""The interface's contract for every kind of model, and what only TinyVLM promises."""

import pytest
import torch
from torch.nn import functional as F

from engine.hallucination.mvp.method import padded
from engine.vision.language.decoding.forced import forced
from engine.vision.language.tiny_vlm.encoder import normalized
from engine.vision.language.tiny_vlm.model import TOKENS
from engine.vision.language.tiny_vlm.packed import states
from engine.vision.language.tiny_vlm.words import BOS
from engine.vision.language.vlm import RequestedOutputs
from tests.engine.hallucination.any_vlm import ANSWER_TOKENS, KINDS, images, prompt_ids, stepped
from tests.engine.hallucination.any_vlm import opened as opened_by
from tests.engine.hallucination.tiny import prompts, scenes, untrained

ALL = RequestedOutputs(hidden=(0, 1, 2, 3), attention=(0, 1, 2), gates=(0, 1, 2), rows="all")


@pytest.fixture(scope="module")
def image():
    vlm = untrained()
    return vlm.encode_image(vlm.normalize(scenes()[:2]))


@pytest.fixture(scope="module")
def prefill_output(image):
    return untrained().prefill(image, prompts(count=2), ALL)


def test_packed_training_computes_what_the_cached_model_does(image, prefill_output):
    text = torch.cat([prompts(count=2), ANSWER_TOKENS], 1)
    packed = untrained().answers(image, text[:, None].repeat(1, 3, 1))
    logits, _ = stepped(untrained(), prefill_output[0], ANSWER_TOKENS)
    for copy in packed.unbind(1):
        assert torch.allclose(copy, logits[:, -1].log_softmax(-1), atol=1e-4)


def test_the_encoder_is_its_convolutions_and_one_block_written_out():
    encoder = untrained().parts.encoder
    assert normalized(torch.tensor([0.0, 0.5, 1.0])).tolist() == [-2, 0, 2]
    maps = images = normalized(scenes()[:2])
    for (conv, norm, _), stride, added in (
        (encoder.stem[0], 2, False),
        (encoder.stem[1], 2, False),
        (encoder.fine, 1, True),
        (encoder.halve, 2, False),
        (encoder.coarse, 1, True),
    ):
        seen = F.conv2d(maps, conv.weight, stride=stride, padding=1)
        seen = F.batch_norm(seen, norm.running_mean, norm.running_var, norm.weight, norm.bias)
        maps = seen.relu() + (maps if added else 0)
    tokens = maps.flatten(2).mT + encoder.places
    block = encoder.look
    query, key, value = block.qkv(block.norm1(tokens)).unflatten(2, (3, 4, 32)).unbind(2)
    mixed = F.scaled_dot_product_attention(*(x.transpose(1, 2) for x in (query, key, value)))
    tokens = tokens + block.out(mixed.transpose(1, 2).flatten(2))
    tokens = tokens + block.down(F.gelu(block.up(block.norm2(tokens))))
    assert torch.allclose(encoder(images), encoder.norm(tokens), atol=1e-4)


def test_the_decoder_is_rotary_attention_and_a_gated_mlp_written_out():
    """Turned pairs as complex numbers: dimension i of 8 with i + 4, at 1000^(-i / 4) a place."""
    decoder = untrained().parts.decoder
    image = torch.randn(1, 3, 128, generator=torch.Generator().manual_seed(0))
    ids = torch.tensor([[[5, 30, 7, 30]]])
    hidden = torch.cat([decoder.embed(torch.tensor([[BOS]])), image, decoder.embed(ids[0])], 1)[0]
    assert torch.allclose(hidden[4], decoder.words.weight[5] * 0.6 * 128**0.5)
    places, rates = torch.arange(8.0)[:, None, None], 1000.0 ** (-torch.arange(4.0) / 4)
    turned = torch.polar(torch.ones(8, 1, 4), places * rates)

    def rms(values, gain):
        return values / (values.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gain

    def rotated(heads):
        pairs = torch.complex(heads[..., :4].contiguous(), heads[..., 4:8].contiguous()) * turned
        return torch.cat([pairs.real, pairs.imag, heads[..., 8:]], -1)

    for layer in decoder.layers:
        read = rms(hidden, layer.norm1.gain)
        query, key, value = (read @ layer.qkv.weight.T).unflatten(1, (3, 4, 32)).unbind(1)
        heads = (x.transpose(0, 1) for x in (rotated(query), rotated(key), value))
        mixed = F.scaled_dot_product_attention(*heads, is_causal=True).transpose(0, 1).flatten(1)
        hidden = hidden + mixed @ layer.out.weight.T
        read = rms(hidden, layer.norm2.gain)
        gates = F.silu(read @ layer.gate.weight.T)
        hidden = hidden + (gates * (read @ layer.up.weight.T)) @ layer.down.weight.T
    expected = rms(hidden, decoder.norm.gain)
    assert torch.allclose(states(decoder, image, [ids])[0][0, 0], expected[4:], atol=1e-4)
    logits = expected @ decoder.words.weight.T / 2
    assert torch.allclose(decoder.unembed(hidden), logits, atol=1e-4)


def test_image_states_text_and_thinned_caches_lie_where_the_prefix_says(prefill_output):
    prefix = prefill_output[1]
    assert prefix.image.tolist() == list(range(1, 1 + TOKENS))
    rows, columns = untrained().spec.grid
    assert rows * columns == len(prefix.image)
    assert untrained().spec.cell(9) == (0, 1, 1)
    assert prefix.response == 1 + TOKENS + 3
    out = prefill_output[0]
    expected = dict.fromkeys(range(4), (2, 68, 128))
    assert {at: tuple(states.shape) for at, states in out.hidden.items()} == expected
    assert {tuple(gate.shape) for gate in out.gates.values()} == {(2, 68, 256)}
    assert torch.equal(untrained().unembed(out.hidden[3][:, -1]), out.logits)
    out, prefix = untrained().prefill(None, prompts())
    assert out.cache.lengths() == (4, 4, 4)
    assert out.cache.positions(0)[0].tolist() == [0, 65, 66, 67]
    assert len(prefix.image) == 0
    assert prefix.response == 68
    linears = untrained().named_linears()
    assert len(linears) == 3 * 5
    assert linears["layers.0.qkv"].weight.shape == (384, 128)
    cache = prefill_output[0].cache.select(0, torch.arange(10))
    assert cache.next_position.tolist() == [68, 68]
    grown = untrained().step(ANSWER_TOKENS[:, 0], cache).cache
    assert grown.positions(0)[0, -1] == 68
    assert grown.next_position.tolist() == [69, 69]


@pytest.fixture(params=KINDS)
def begun(request):
    """A model of each kind with its output and prefix, and how exact it is."""
    return *opened_by(request.param), 1e-5 if request.param == "tiny" else 1e-4


@torch.no_grad()
def test_reading_token_by_token_gives_the_whole_and_attention_sees_nothing_behind(begun):
    vlm, out, _, _ = begun
    logits, _ = stepped(vlm, out, ANSWER_TOKENS)
    image_features = vlm.encode_image(images(vlm, 2))
    for n in range(1, ANSWER_TOKENS.shape[1] + 1):
        text = torch.cat([prompt_ids(vlm, count=2), ANSWER_TOKENS[:, :n]], 1)
        whole, _ = vlm.prefill(image_features, text)
        assert torch.allclose(logits[:, n - 1], whole.logits, atol=1e-4)
    assert sorted(begun[1].attention) == [0, 1, 2]
    for shares in begun[1].attention.values():
        assert torch.allclose(shares.sum(-1), torch.ones(()), atol=1e-5)
        assert shares.triu(1).abs().max() == 0


@torch.no_grad()
def test_selecting_places_is_hiding_the_others_and_all_places_change_nothing(begun):
    """In each layer other places; a hook hides the rest and renews the shares."""
    vlm, out, _, atol = begun
    length = out.cache.lengths()[0]
    keep = [torch.arange(length - 3), torch.arange(2, length), torch.arange(1, length, 2)]
    cache = every = out.cache
    for layer, places in enumerate(keep):
        cache = cache.select(layer, places)
        every = every.select(layer, torch.arange(length))
    assert cache.lengths() == tuple(map(len, keep))

    def hide(layer, shares):
        visible = torch.zeros(shares.shape[-1])
        visible[keep[layer]] = 1
        visible[-1] = 1  # the token itself
        return shares * visible / (shares * visible).sum(-1, keepdim=True)

    token = ANSWER_TOKENS[:, 0]
    thinned = vlm.step(token, cache)
    masked = vlm.step(token, out.cache, attn_hook=hide).logits
    assert torch.allclose(thinned.logits, masked, atol=atol)
    assert thinned.cache.positions(2)[0, -1] == length
    assert torch.equal(vlm.step(token, every).logits, vlm.step(token, out.cache).logits)


@torch.no_grad()
def test_caches_are_cropped_expanded_reordered_and_merged(begun):
    vlm, out, prefix, atol = begun
    logits, last = stepped(vlm, out, ANSWER_TOKENS)
    back = last.cache.crop(prefix.response + 2)
    assert back.lengths() == (prefix.response + 2,) * 3
    assert torch.allclose(vlm.step(ANSWER_TOKENS[:, 2], back).logits, logits[:, 2], atol=atol / 10)
    swapped = out.cache.expand(2).reorder(torch.tensor([3, 0]))  # row 1, row 0
    flipped = vlm.step(ANSWER_TOKENS[:, 0].flip(0), swapped).logits
    assert torch.allclose(flipped.flip(0), logits[:, 0], atol=atol / 10)
    merged, lengths = out.cache.mean_merge(1, torch.tensor([3, 5, 8])), out.cache.lengths()
    assert merged.lengths() == (lengths[0], lengths[1] - 2, lengths[2])
    assert merged.positions(1)[0].tolist()[:8] == [0, 1, 2, 4, 6, 7, 8, 9]
    mean = out.cache.layers[1].keys[:, :, [3, 5, 8]].mean(2)
    assert torch.allclose(merged.layers[1].keys[:, :, 6], mean)


@torch.no_grad()
def test_leaving_late_and_reading_two_prompts_at_once_change_nothing(begun):
    vlm, out, _, _ = begun
    step = ANSWER_TOKENS[:, 0], out.cache
    none = vlm.step(*step, RequestedOutputs(hidden=(0,)), exit_layer=0)
    assert torch.equal(vlm.step(*step).logits, vlm.step(*step, exit_layer=3).logits)
    assert torch.equal(none.logits, vlm.unembed(none.hidden[0][:, -1]))
    assert none.cache.lengths() == out.cache.lengths()
    assert torch.allclose(vlm.unembed(out.hidden[3][:, -1]), out.logits)
    vlm, _, _, atol = begun
    texts = [vlm.tokenizer.encode(text) for text in ("is there a boat and a lamp", "describe")]
    together, image_features = padded(texts, vlm), vlm.encode_image(images(vlm, 2))
    assert together[1, 0] == vlm.spec.pad
    both, _ = vlm.prefill(image_features, together)
    after, _ = stepped(vlm, both, ANSWER_TOKENS)
    for row, ids in enumerate(texts):
        single, _ = vlm.prefill(image_features[row : row + 1], torch.tensor([ids]))
        assert torch.allclose(both.logits[row], single.logits[0], atol=atol)
        alone, _ = stepped(vlm, single, ANSWER_TOKENS[row : row + 1])
        assert torch.allclose(after[row], alone[0], atol=atol)


@torch.no_grad()
def test_the_loss_is_the_mean_over_the_answers_words(begun):
    vlm = begun[0]
    prompt, answer_ids = prompt_ids(vlm)[0], torch.tensor([40, 21, 2])
    image_features, slowly = vlm.encode_image(images(vlm, 2)), []
    for n, token in enumerate(answer_ids):
        read = torch.cat([prompt, answer_ids[:n]]).repeat(2, 1)
        slowly.append(vlm.prefill(image_features, read)[0].logits.log_softmax(-1)[:, token])
    slowly = torch.stack(slowly, 1)
    logs = forced(vlm, images(vlm), prompt, answer_ids)[0]
    assert torch.allclose(logs[torch.arange(3), answer_ids], slowly[0], atol=1e-4)
    text = torch.cat([prompt, answer_ids, torch.zeros(3, dtype=torch.int64)]).repeat(2, 1, 1)
    loss = vlm.loss(image_features, text, torch.full((2, 1), len(prompt)))
    assert loss == pytest.approx(-slowly.mean().item(), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_image_the_prompt_keeps_its_place(kind):
    vlm, out, prefix = opened_by(kind, 1)
    blind, alone = vlm.prefill(None, prompt_ids(vlm))
    assert len(alone.image) == 0
    assert alone.response == prefix.response
    assert torch.equal(blind.cache.next_position, out.cache.next_position)
    tokens = TOKENS if kind == "tiny" else vlm.family.tokens
    assert blind.cache.lengths()[0] == out.cache.lengths()[0] - tokens
