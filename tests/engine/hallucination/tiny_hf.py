"""Tiny random models of the library transformers, each of a kind that the adapter reads."""

import json
from functools import cache

import torch

from engine.vision.language.hugging_face.attention import NAME, register
from engine.vision.language.hugging_face.families import FAMILIES
from engine.vision.language.hugging_face.model import HuggingFaceVLM
from engine.vision.language.hugging_face.tongue import PromptTokenizer

KINDS = tuple(FAMILIES)
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.3, 0.2)
SPECIAL = (
    "<pad>", "<s>", "</s>", "<image>", "<|im_start|>", "<|im_end|>", "<end_of_utterance>",
    "<fake_token_around_image>", "<global-img>", "<|vision_start|>", "<|vision_end|>",
)  # fmt: skip
SAYINGS = (
    "USER: is there a boat ASSISTANT: Yes, there is a boat.",
    "describe the image",
    "Describe closely what you see in the image.",
    "A fish, a car and no lamp.",
    "yes no Yes No",
    "system You are a helpful assistant. user assistant User: Assistant:",
)
SIZES = {
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 37,
    "initializer_range": 0.3,
}
TEXT = SIZES | {"num_hidden_layers": 3, "num_key_value_heads": 2, "max_position_embeddings": 512}
TEXT |= {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
LLAMA, QWEN = TEXT | {"model_type": "llama"}, TEXT | {"model_type": "qwen2"}
VISION = SIZES | {"image_size": 8, "patch_size": 2, "num_hidden_layers": 2}


@cache
def tokenizer():
    """Pieces of bytes, as real models have them; begins every text with <s>."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(
        SAYINGS,
        trainers.BpeTrainer(
            vocab_size=360,
            special_tokens=list(SPECIAL),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )
    bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    signs = dict(zip(("pad_token", "bos_token", "eos_token"), SPECIAL, strict=False))
    extra = list(SPECIAL[3:])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, extra_special_tokens=extra, **signs)


def configured(kind: str):
    import transformers as hf

    words = {"vocab_size": len(tokenizer())}
    clip = VISION | {"model_type": "clip_vision_model"}
    if kind == "llava":
        return hf.LlavaConfig(
            text_config=LLAMA | words,
            vision_config=clip,
            image_token_index=3,
            vision_feature_layer=-1,
            vision_feature_select_strategy="default",
        )
    if kind == "llava_onevision":
        return hf.LlavaOnevisionConfig(
            text_config=QWEN | words,
            vision_config=VISION | {"model_type": "siglip_vision_model"},
            image_token_index=3,
            image_grid_pinpoints=[[8, 8], [16, 16]],
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
        )
    if kind in {"idefics3", "smolvlm"}:
        build = hf.Idefics3Config if kind == "idefics3" else hf.SmolVLMConfig
        return build(
            text_config=LLAMA | words,
            vision_config=VISION | {"model_type": kind + "_vision"},
            image_token_id=3,
            scale_factor=2,
        )
    if kind == "instructblip":
        return hf.InstructBlipConfig(
            text_config=LLAMA | words,
            qformer_config=SIZES | words | {"num_hidden_layers": 2, "pad_token_id": 0},
            num_query_tokens=5,
            vision_config=VISION | {"model_type": "instructblip_vision_model"},
            image_token_index=3,
            initializer_range=0.3,
        )
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
    return hf.Qwen2VLConfig(
        text_config=TEXT | words | {"model_type": "qwen2_vl_text", "rope_parameters": rope},
        vision_config={
            "depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 4, "mlp_ratio": 2,
            "patch_size": 4, "spatial_merge_size": 2, "temporal_patch_size": 2,
        },
        image_token_id=3, video_token_id=5, vision_start_token_id=9, vision_end_token_id=10,
    )  # fmt: skip


def network(kind: str, seed: int = 0, ends: int | tuple[int, ...] = 2):
    """Random weights, without the adapter's attention."""
    import transformers as hf

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        hf_model = getattr(hf, FAMILIES[kind].builder)(configured(kind))
    hf_model.generation_config.eos_token_id = ends if isinstance(ends, int) else list(ends)
    hf_model.generation_config.pad_token_id = 0
    return hf_model.eval().requires_grad_(False)


@cache
def model(kind: str, ends: int | tuple[int, ...] = 2) -> HuggingFaceVLM:
    return built(kind, ends)


def built(
    kind: str, ends: int | tuple[int, ...] = 2, dtype: torch.dtype = torch.float32
) -> HuggingFaceVLM:
    """The same, made anew, with weights of that type."""
    register()
    hf_model = network(kind, ends=ends).to(dtype)
    hf_model.set_attn_implementation("eager")
    family = FAMILIES[kind](hf_model, [tokenizer()] * len(FAMILIES[kind].folders))
    family.decoder.set_attn_implementation(NAME)
    tongue = PromptTokenizer(tokenizer(), family)
    return HuggingFaceVLM(family, tongue, f"hf:{kind}", f"random {kind}", kind, MEAN, STD)


def saved(folder, kind: str, seed: int = 0):
    """A folder as a person has it: weights, words, and how pixels are normalized."""
    folder.mkdir(parents=True)
    network(kind, seed).save_pretrained(folder)
    for part in ("", *FAMILIES[kind].folders):
        tokenizer().save_pretrained(folder / part)
    pixels = json.dumps({"image_mean": MEAN, "image_std": STD})
    (folder / "preprocessor_config.json").write_text(pixels)
    return folder


@cache
def pixels(count: int, side: int):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3))
