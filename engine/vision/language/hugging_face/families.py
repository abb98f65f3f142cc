"""The kinds of models that can be read, and where they differ: how they see, and how one asks."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from engine.core.errors import BlindspotError


class Family:
    """One kind of model; as it stands, LLaVA-1.5.

    Args:
        network: the library's model.
        tokenizers: those of `folders`.

    A prompt is `before`, the image, and `after` with the person's words in it.
    """

    builder: ClassVar[str] = "LlavaForConditionalGeneration"
    before: ClassVar[str] = "USER: "
    after: ClassVar[str] = "\n{} ASSISTANT:"
    folders: ClassVar[tuple[str, ...]] = ()  # beside the model's files: more tokenizers
    leads: ClassVar[bool] = False  # whether the image stands before all words, and needs no sign

    def __init__(self, network: Any, tokenizers: Sequence[Any] = ()) -> None:
        self.network, self.config, self.tokenizers = network, network.config, tokenizers

    @classmethod
    def signs(cls) -> list[str]:
        """The tokens that its prompts begin and end turns with."""
        return re.findall(r"<\|\w+\|>", cls.before + cls.after)

    @property
    def decoder(self) -> Any:
        """The language model: `embed_tokens`, `layers`, `norm` and `rotary_emb`."""
        return self.network.model.language_model

    @property
    def image_token(self) -> int:
        """The number of the token that stands for a part of the image."""
        number: int = self.config.image_token_id
        return number

    @property
    def side(self) -> int:
        """Of the square that is seen, px."""
        side: int = self.config.vision_config.image_size
        return side

    @property
    def grid(self) -> tuple[int, int] | None:
        """Rows and columns of the image's tokens; None where they have no place."""
        count = self.side // self.config.vision_config.patch_size
        return count, count

    @property
    def tokens(self) -> int:
        """Tokens that an image takes; those beyond the grid have no place in it."""
        return prod(self.grid or ())

    def features(self, pixels: Tensor) -> Tensor:
        """Normalized pixels (B, 3, side, side) as the decoder reads them, (B, tokens, D)."""
        config = self.config
        result = self.network.get_image_features(
            pixel_values=pixels,
            vision_feature_layer=config.vision_feature_layer,
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            return_dict=True,
        )
        return torch.stack(list(result.pooler_output))

    def asked(self, features: Tensor, _questions: Callable[[], Sequence[str]]) -> Tensor:
        """What the decoder reads of an image, (B, tokens, D), when it is asked these questions.

        Args:
            features: what `features` gave.
            _questions: gives the text of each row's prompt, for models that look by it.
        """
        return features

    def turned(self, positions: Tensor, _start: int) -> Tensor:
        """Positions (B, q) as the rotary embedding takes them.

        Args:
            positions: places in the sequence; −1 for padding, which nobody sees.
            _start: the place of the image's first token.
        """
        return positions.clamp(min=0)


class OneVision(Family):
    """LLaVA-OneVision, with the image as one tile, as it sees each of several images.

    A token for the end of the image follows those of the grid.
    """

    builder = "LlavaOnevisionForConditionalGeneration"
    before = "<|im_start|>user "
    after = "\n{}<|im_end|><|im_start|>assistant\n"

    @property
    def tokens(self) -> int:
        """The grid's and the end of the image."""
        return super().tokens + 1

    def features(self, pixels: Tensor) -> Tensor:
        """As LLaVA; only images that come alone are cut into tiles, so this one does not."""
        config, count = self.config, len(pixels)
        result = self.network.get_image_features(
            pixel_values=pixels,
            image_sizes=torch.tensor([[self.side, self.side]] * count),
            vision_feature_layer=config.vision_feature_layer,
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            batch_num_images=[count + 1],
            return_dict=True,
        )
        return torch.stack(list(result.pooler_output))


class Idefics3(Family):
    """The first SmolVLM, with the image as one tile: patches are shuffled into fewer tokens.

    Idefics3 itself is built alike and asked in another form, which its tokenizer gives away.
    """

    builder = "Idefics3ForConditionalGeneration"
    before = "<|im_start|>User:<fake_token_around_image><global-img>"
    after = "<fake_token_around_image>{}<end_of_utterance>\nAssistant:"

    @property
    def decoder(self) -> Any:
        """The language model."""
        return self.network.model.text_model

    @property
    def grid(self) -> tuple[int, int]:
        """After the shuffle."""
        count = self.side // self.config.vision_config.patch_size // self.config.scale_factor
        return count, count

    def features(self, pixels: Tensor) -> Tensor:
        """One image each; the library leaves out those that are all 0, so those are moved."""
        empty = (pixels == 0).flatten(1).all(1)
        filled = torch.where(empty[:, None, None, None], torch.finfo(pixels.dtype).tiny, pixels)
        result = self.network.model.get_image_features(
            pixel_values=filled[:, None], return_dict=True
        )
        return torch.stack(list(result.pooler_output))


class SmolVLM(Idefics3):
    """SmolVLM2, which is built like the first."""

    builder = "SmolVLMForConditionalGeneration"


class Qwen2VL(Family):
    """Qwen2-VL: any size could be seen; here a square of 12 × 12 tokens.

    Every token has three positions: time, row and column. Text has the same in all three.
    """

    builder = "Qwen2VLForConditionalGeneration"
    before = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n<|vision_start|>"
    )
    after = "<|vision_end|>{}<|im_end|>\n<|im_start|>assistant\n"
    cells: ClassVar[int] = 12

    @property
    def side(self) -> int:
        """So many tokens of so many patches each."""
        vision = self.config.vision_config
        side: int = self.cells * vision.spatial_merge_size * vision.patch_size
        return side

    @property
    def grid(self) -> tuple[int, int]:
        """After patches are merged."""
        return self.cells, self.cells

    def features(self, pixels: Tensor) -> Tensor:
        """Patches in the library's order; an image is a film of equal frames."""
        count, patches = len(pixels), self.side // self.config.vision_config.patch_size
        sizes = torch.tensor([[1, patches, patches]] * count, device=pixels.device)
        result = self.network.model.get_image_features(
            self.patches(pixels), sizes, return_dict=True
        )
        return torch.stack(list(result.pooler_output))

    def patches(self, pixels: Tensor) -> Tensor:
        """Flat patches (B · patches, 3 · frames · size²), those of one token together."""
        vision = self.config.vision_config
        size, merge = vision.patch_size, vision.spatial_merge_size
        count, channels = pixels.shape[:2]
        cut = pixels.view(
            count, channels, self.cells, merge, size, self.cells, merge, size
        )  # (B, C, row, row in token, y, column, column in token, x)
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)
        film = cut[:, :, :, :, :, :, None].expand(
            *cut.shape[:6], vision.temporal_patch_size, -1, -1
        )
        return film.reshape(count * (self.cells * merge) ** 2, -1)

    def turned(self, positions: Tensor, start: int) -> Tensor:
        """Time, row and column of each token, (3, B, q); text goes on behind the larger side."""
        inside = positions - start
        row, column = inside // self.cells, inside % self.cells
        in_image = (inside >= 0) & (inside < self.tokens)
        text = torch.where(inside >= self.tokens, positions - self.tokens + self.cells, positions)
        image = torch.stack([torch.zeros_like(row), row, column]) + start
        return torch.where(in_image, image, text).clamp(min=0)


class InstructBlip(Family):
    """InstructBLIP with a decoder such as Vicuna: its Q-Former looks at the image by the question.

    What it hands on are answers of a few learned queries, not parts of the image: they have no
    place in it. The prompt is one of those of its training that do not ask for a short answer.
    """

    builder = "InstructBlipForConditionalGeneration"
    before = ""
    after = "Q: {} A:"
    folders = ("qformer_tokenizer",)
    leads = True

    @property
    def decoder(self) -> Any:
        """The language model."""
        return self.network.language_model.model

    @property
    def grid(self) -> None:
        """There is none."""

    @property
    def tokens(self) -> int:
        """One for each learned query."""
        count: int = self.config.num_query_tokens
        return count

    def features(self, pixels: Tensor) -> Tensor:
        """What the eye alone sees, (B, patches + 1, D); the question is not known yet."""
        hidden_states: Tensor = self.network.vision_model(pixel_values=pixels).last_hidden_state
        return hidden_states

    def asked(self, features: Tensor, questions: Callable[[], Sequence[str]]) -> Tensor:
        """The queries' answers, as the library computes them from what the eye saw."""
        (reader,), network = self.tokenizers, self.network
        words = reader(list(questions()), padding=True, padding_side="right", return_tensors="pt")
        ids, mask = (words[name].to(features.device) for name in ("input_ids", "attention_mask"))
        most = self.config.qformer_config.max_position_embeddings
        if ids.shape[1] > most:
            raise BlindspotError(f"The question has {ids.shape[1]} tokens; {most} fit.")
        queries = network.query_tokens.expand(len(features), -1, -1).to(features.dtype)
        result = network.qformer(
            input_ids=ids,
            query_embeds=queries,
            encoder_hidden_states=features,
            attention_mask=torch.cat([mask.new_ones(queries.shape[:2]), mask], 1),
            encoder_attention_mask=mask.new_ones(features.shape[:2]),
        ).last_hidden_state
        read: Tensor = network.language_projection(result[:, : self.tokens])
        return read


FAMILIES: Mapping[str, type[Family]] = {  # by the `model_type` of a configuration
    "llava": Family,
    "llava_onevision": OneVision,
    "idefics3": Idefics3,
    "smolvlm": SmolVLM,
    "qwen2_vl": Qwen2VL,
    "instructblip": InstructBlip,
}
NAMES = "LLaVA-1.5, LLaVA-OneVision, SmolVLM, Qwen2-VL and InstructBLIP (Vicuna)"
DECODERS = {"llama", "mistral", "qwen2", "qwen2_vl", "qwen2_vl_text"}
"""Language models whose layers are called alike."""


def linears(decoder: nn.Module) -> dict[str, nn.Linear]:
    return {name: part for name, part in decoder.named_modules() if isinstance(part, nn.Linear)}
