"""One pair of photographs: as it is, and with a thing taken out; what a model says of both (BEAF).

Ye-Bin et al. 2024, BEAF, https://arxiv.org/abs/2407.13442. There a large model paints the thing
over; here the biharmonic equation does, or a person brings the photograph after.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.core.case_base import Parts
from engine.core.controls import Many, Text, argument
from engine.core.errors import BlindspotError
from engine.core.method import Method, Progress, Slider, defaults, quiet, setting
from engine.core.naming import Unknown, named_by
from engine.core.result import Result, Table
from engine.evaluation.language.beaf.figures import yes_value
from engine.evaluation.language.beaf.photo_counts import pair_words
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.photographs import MIDDLE, taken_out_by
from engine.vision.data.layout import Scene
from engine.vision.images import Picture, square
from engine.vision.images.filling import check, grown, inpaint
from engine.vision.images.masks import Mask, mask_of
from engine.vision.language.case import CaptionCase, is_ready
from engine.vision.language.catalog import model, vlm_field
from engine.vision.language.decoding.generate import generate
from engine.vision.language.tiny_vlm.words import with_article
from engine.vision.language.vlm import VLM
from engine.vision.pictures import open_picture, picture_options

MOST_OTHERS, MOST_LETTERS = 8, 40
TOGETHER = 4  # images that are read at once
WORDS = 8  # of an answer, in which yes or no is looked for


def trimmed(names: Sequence[str]) -> tuple[str, ...]:
    """Names without the spaces around them; those that are nothing else are left out."""
    return tuple(name.strip() for name in names if name.strip())


def side_argument(name: str, first: float) -> Any:
    """One side of a rectangle on the square that the model sees."""
    return argument(
        first,
        Slider(0.0, 1.0, 0.01),
        name,
        "A side of the rectangle around the thing, as a share "
        "of the square in the middle of the photograph.",
    )


@dataclass(frozen=True, eq=False)
class PhotoPairCase(CaptionCase):
    """A photograph and the thing that is taken out of it.

    Args:
        thing: its name; the person says that it is there before and gone after.
        others: other things that are asked for, whose answers should stay.
        mask: where the thing is, (H, W) bool like the image; it is painted over.
        after: the photograph without it, (3, H, W) in [0, 1]; in the place of a mask.

    Raises:
        BlindspotError: neither mask nor photograph after or both, an empty mask or one that leaves
            nothing, another size, a thing that the model cannot be asked for, or a model without
            one word for yes and one for no.
    """

    case_name: ClassVar[str] = "photographs"
    what: ClassVar[str] = "a photograph, a thing in it, and where it is"

    vlm: VLM = vlm_field()
    image: Tensor = named_by(
        lambda image, vlm: torch.from_numpy(square(open_picture(image), MIDDLE, vlm.spec.side)),
        lambda _image: Unknown(),
        image=argument(
            "sample:coffee",
            Text(options=picture_options),
            "Photograph",
            "The photograph before: a picture file, or sample:NAME.",
        ),
    )
    prompt: str = named_by(lambda vlm, arguments: noun_question(vlm, arguments["thing"]))
    seed: int = 0
    scene: Scene | None = None
    thing: str = named_by(
        str.strip,
        default="",
        thing=argument(
            "cup",
            Text(),
            "What goes",
            "The thing that is taken out, by its name. TinyVLM knows sixteen things.",
        ),
    )
    others: tuple[str, ...] = named_by(
        trimmed,
        default=(),
        others=argument(
            (), Many(), "Also asked for", "Other things, there or not; the answers should stay."
        ),
    )
    mask: Tensor | None = named_by(
        lambda *_names, vlm, arguments: named_marks(arguments, vlm)[0],
        lambda _mask: {},  # of one's own, as the photograph
        default=None,
        mask=argument(
            None,
            Text(off="the rectangle"),
            "Mask",
            "A picture of the same size in which the thing is bright: brighter than the middle "
            "between its darkest and brightest point.",
        ),
        after=argument(
            None,
            Text(off="painted over"),
            "Photograph after",
            "A photograph of the same size without the thing, in the place of a mask.",
        ),
        top=side_argument("Top", 0.02),
        left=side_argument("Left", 0.17),
        bottom=side_argument("Bottom", 0.78),
        right=side_argument("Right", 0.79),
    )
    after: Tensor | None = named_by(
        lambda vlm, arguments: named_marks(arguments, vlm)[1], default=None
    )

    @classmethod
    def of(
        cls,
        vlm: VLM,
        image: Tensor,
        thing: str,
        others: Sequence[str] = (),
        *,
        mask: Tensor | None = None,
        after: Tensor | None = None,
    ) -> Self:
        """The case of a thing; its question is made of its name."""
        prompt, names = noun_question(vlm, thing), trimmed(others)
        return cls(vlm, image, prompt, thing=thing.strip(), others=names, mask=mask, after=after)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (self.vlm.spec.yes and self.vlm.spec.no):
            raise BlindspotError(
                f"{self.vlm.title} has no single word for yes and for no, so how likely a yes is "
                "cannot be read off: choose another model."
            )
        if (self.mask is None) == (self.after is None):
            raise BlindspotError("Give either a mask of the thing or the photograph after.")
        if self.mask is not None:
            check(self.mask.numpy())
        shape = tuple(self.image.shape)
        if self.mask is not None and tuple(self.mask.shape) != shape[1:]:
            raise BlindspotError(f"The mask is {tuple(self.mask.shape)}, the image {shape[1:]}.")
        if self.after is not None and tuple(self.after.shape) != shape:
            raise BlindspotError(f"The image after is {tuple(self.after.shape)}, before {shape}.")
        if len(self.others) > MOST_OTHERS:
            raise BlindspotError(
                f"{len(self.others)} other things are too many: {MOST_OTHERS} at most."
            )
        if self.thing in self.others:
            raise BlindspotError(f"“{self.thing}” goes, so it cannot be one of those that stay.")
        for noun in self.others:
            self.vlm.tokenizer.encode(noun_question(self.vlm, noun))

    def digest_parts(self) -> Parts:
        """The question, the other things, and the mask or the photograph after."""
        yield from super().digest_parts()
        yield f"|{self.thing}|{self.others}|{self.mask is None}|"
        changed = self.after if self.mask is None else self.mask
        assert changed is not None  # noqa: S101  # one of the two is there
        yield changed.contiguous().numpy().tobytes()

    @property
    def typed(self) -> bool:
        """Whether one of the things is none of the sixteen."""
        questions = (noun_question(self.vlm, noun) for noun in (self.thing, *self.others))
        return not all(is_ready(self.vlm, prompt) for prompt in questions)

    def facts(self) -> dict[str, Any]:
        """What it is, for the record."""
        source = "the photograph after" if self.mask is None else "a mask, painted over"
        return super().facts() | {
            "thing": self.thing,
            "others": list(self.others),
            "taken out by": source,
        }


@dataclass(frozen=True)
class PhotoPair(Method[PhotoPairCase]):
    """What a model says of a photograph before and after a thing is taken out of it.

    It is asked for the thing, and for others that stay. Counted as BEAF does, with what you say as
    the truth (there before, gone after): TU, yes and then no; IG, the reverse; SB+ and SB−, a
    stubborn yes or no. ID: answers about the others that change. p(yes) is that of yes against no
    at the answer's first word, over all spellings. In between, the two photographs are blended, so
    that the thing fades. A mask is filled smoothly from its edges, without texture: to a model that
    is another picture than one without the thing, and where the filling looks odd, so may the
    answers be. One pair is one look; collect several before you say how a model is.
    """

    family = "hallucination"
    name = "PhotoPair"
    revision = 2
    title = "Your own pair"
    cost = "wait"
    paper = "Ye-Bin et al. 2024, https://arxiv.org/abs/2407.13442"
    argument_defaults = defaults(thing="cup", others=("plate", "boat"))
    proof = (
        "tests/engine/hallucination/test_photo_pair.py::test_the_answers_are_what_the_model_says"
    )

    steps: int = setting(
        6,
        Slider(3, 11, 1, "steps"),
        "Steps",
        "In how many steps the thing fades, both ends included.",
    )
    grow: int = setting(
        1,
        Slider(0, 12, 1, "px"),
        "Wider mask",
        "By how much the mask is made wider before it is "
        "filled, at the size that the model sees: what is left of the thing's rim would shine in.",
    )

    def __call__(self, case: PhotoPairCase, progress: Progress = quiet) -> Result:
        """Fill the mask, then ask.

        Returns:
            answers: a row for each thing, the one that goes first: what is said (1 yes, 0 no, NaN
                neither), p(yes), and the share of yes and no together, before and after. The rows
                are numbered: names, like pixels, are the visitor's own and are not kept.
            fading: p(yes) about the thing by how much of it is left.
            changed: the share of pixels that were changed, and how far on average, as a share of
                full brightness.
        """
        self.check(case)
        progress(0.0, "painting the thing over")
        after = taken_out(case, self.grow)
        left = np.linspace(0, 1, self.steps, dtype=np.float32)
        images = torch.stack([torch.lerp(after, case.image, float(weight)) for weight in left])
        encoded_images = encoded(case.vlm, images, progress)
        # all of the thing is left at the last step, the photograph before; none at the first
        ends = [self.steps - 1, 0]
        nouns, rows = (case.thing, *case.others), []
        fading = np.zeros(0, np.float32)
        for number, noun in enumerate(nouns):
            progress(0.5 + 0.5 * number / len(nouns), f"asking for {with_article(noun)}")
            prompt = prompt_of(case.vlm, noun)
            p, share = first_words(
                case.vlm, encoded_images if not number else encoded_images[ends], prompt
            )
            if not number:
                fading, p, share = p, p[ends], share[ends]
            says = map(yes_value, answers(case.vlm, images[ends], prompt))
            rows.append([*says, *p, *share])
        progress(1.0, "asked")
        columns = [
            f"{what} {when}" for what in ("says", "p", "decided") for when in ("before", "after")
        ]
        change = change_of(case, after)
        far = float(change[change > 0].mean()) if change.any() else 0.0
        return {
            "answers": Table.of(
                {
                    name: (
                        np.array(numbers, np.float32),
                        "" if name.startswith("says") else "share",
                    )
                    for name, numbers in zip(columns, zip(*rows, strict=True), strict=True)
                },
                row_names(len(rows)),
            ),
            "fading": Table.of({"left": (left, "share"), "p(yes)": (fading, "share")}),
            "changed": Table.of(
                {"pixels": ([float((change > 0).mean())], "share"), "by": ([far], "share")},
                ("the photograph",),
            ),
        }

    def finding(self, case: PhotoPairCase, result: Mapping[str, Any]) -> str:
        """What became of the thing's answer, in BEAF's words, and how many others changed."""
        return pair_words(case.vlm.title, case.thing, result["answers"])


# ---------------------------------------------------------------- asked


def photo_pair(
    name: str,
    picture: Picture,
    noun: str,
    others: Sequence[str] = (),
    *,
    sides: Mapping[str, float] | None = None,
    mask: Mask | None = None,
    after: Picture | None = None,
) -> PhotoPairCase:
    """A photograph and a thing in it, for the model of that name; see `taken_out_by`.

    Raises:
        BlindspotError: what does not fit, see `PhotoPairCase`.
    """
    vlm = model(name)
    image = torch.from_numpy(square(picture, MIDDLE, vlm.spec.side))
    where, image_after = taken_out_by(picture, vlm.spec.side, sides or {}, mask, after)
    return PhotoPairCase.of(vlm, image, noun, others, mask=where, after=image_after)


def named_marks(arguments: Mapping[str, Any], vlm: VLM) -> tuple[Tensor | None, Tensor | None]:
    """As `taken_out_by`, of files by name."""
    picture, mask, after = (
        None if arguments[name] is None else open_picture(arguments[name])
        for name in ("image", "mask", "after")
    )
    assert picture is not None  # noqa: S101  # there is always one
    where = None if mask is None else mask_of(mask, None, picture)
    return taken_out_by(picture, vlm.spec.side, arguments, where, after)


def noun_question(vlm: VLM, noun: str) -> str:
    """The question for a thing, in the words that a model knows. Raises BlindspotError."""
    named = noun.strip()
    if not named or len(named) > MOST_LETTERS or not named[0].isalnum():
        raise BlindspotError(
            f"Name each thing in one or a few words, {MOST_LETTERS} letters at most: “dog”."
        )
    return vlm.spec.prompts.there.format(thing=with_article(named))


def prompt_of(vlm: VLM, noun: str) -> Tensor:
    """The question's tokens, (1, P)."""
    return torch.tensor([vlm.tokenizer.encode(noun_question(vlm, noun))], device=vlm.device)


def taken_out(case: PhotoPairCase, grow: int) -> Tensor:
    """The photograph after, (3, H, W). Raises BadImage where the wider mask leaves nothing."""
    if case.after is not None:
        return case.after
    assert case.mask is not None  # noqa: S101  # one of the two is there
    image = case.image.permute(1, 2, 0).numpy()
    filled_image = inpaint(image, grown(case.mask.numpy(), grow))
    return torch.from_numpy(filled_image).permute(2, 0, 1).contiguous()


def change_of(case: PhotoPairCase, after: Tensor) -> NDArray[np.float32]:
    """How far each pixel was changed, the mean over the colors, (H, W)."""
    result: NDArray[np.float32] = (after - case.image).abs().mean(0).numpy()
    return result


def row_names(count: int) -> tuple[str, ...]:
    """The rows of a kept answer: the thing that goes and the others, without their names."""
    return ("thing", *(f"other {number}" for number in range(1, count)))


def with_case_names(case: PhotoPairCase, kept: Table) -> Table:
    """The answers with the names that the case has."""
    return replace(kept, rows=(case.thing, *case.others))


@torch.no_grad()
def encoded(vlm: VLM, images: Tensor, progress: Progress) -> Tensor:
    """Images (n, 3, H, W) in [0, 1] as the model's tokens, a few at a time."""
    results = []
    for start in range(0, len(images), TOGETHER):
        progress(0.1 + 0.4 * start / len(images), "looking")
        results.append(vlm.encode_image(vlm.normalize(images[start : start + TOGETHER])))
    return torch.cat(results)


@torch.no_grad()
def first_words(
    vlm: VLM, encoded_images: Tensor, prompt: Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """p(yes) against no at the answer's first word, and the share of both together, (n,) each."""
    logs = torch.cat(
        [
            vlm.prefill(part, prompt.expand(len(part), -1))[0].logits.log_softmax(-1)
            for part in encoded_images.split(TOGETHER)
        ]
    )
    yes, no = (logs[:, list(ids)].logsumexp(-1) for ids in (vlm.spec.yes, vlm.spec.no))
    # p(yes) / (p(yes) + p(no)) without a quotient of tiny numbers; rounded sums may pass 1
    shares = (yes - no).sigmoid(), (yes.exp() + no.exp()).clamp(max=1)
    p, both = (share.float().cpu().numpy() for share in shares)
    return p, both


def answers(vlm: VLM, images: Tensor, prompt: Tensor) -> list[str]:
    """What the model says of each of a few images, word by likeliest word."""
    generated = generate(
        vlm,
        Greedy(length=WORDS),
        vlm.normalize(images),
        prompt.expand(len(images), -1),
        record=False,
    )
    return [vlm.tokenizer.decode(row) for row in generated.tokens.tolist()]
