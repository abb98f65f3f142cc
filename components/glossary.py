"""The field's words in plain ones: those that a view uses are explained at its end."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any

import streamlit as st

from components.notices import escape_markdown
from engine.core.method import Method

TERMS: Mapping[str, str] = {  # a term, and other spellings after a bar: what it means
    "accuracy": "The share of images whose most probable class is right; of questions, the share "
    "of right answers.",
    "adversarial": "Made to mislead a model: an image by changes hardly seen, a question by what "
    "usually goes together.",
    "attention": "How much a network takes from each place when it makes the next word or layer.",
    "attack|attacks": "A search for what a model gives away, or for a change that misleads it.",
    "AUROC": "How often a score ranks a case of the one kind above one of the other: 100 % is "
    "always, 50 % is chance.",
    "baseline": "The image that stands for “nothing there”: black, the mean color, or a blur.",
    "CHAIR": "The share of things in a caption that are not in the image.",
    "correlation": "How alike two rankings or maps are: 1 is the same, 0 is not at all.",
    "cosine": "How alike two directions are: 1 is the same, 0 is at right angles.",
    "decoding": "How a language model chooses the next word from its probabilities.",
    "deletion": "The strongest places of a map are hidden first: a good map lets the score fall "
    "fast.",
    "embedding|embeddings": "A list of numbers that stands for an image or a word.",
    "epoch|epochs": "One pass of a training over all of its images.",
    "false alarm|false alarms": "A normal image that is called unusual.",
    "feature|features": "What a layer makes of an image: numbers from which the answer is made.",
    "fine-tuning|fine-tuned": "Training that goes on from weights which learned before.",
    "gradient|gradients": "How much the score would change for a small change of each pixel.",
    "linear head|classification head": "The last layer of a network, which makes classes of "
    "features.",
    "insertion": "The strongest places of a map are shown first: a good map lets the score rise "
    "fast.",
    "layer|layers": "One step of a network's computation.",
    "logit|logits": "A class's score before it becomes a probability; only differences count.",
    "Mahalanobis": "A distance in standard deviations of the normal examples.",
    "mask|masks": "Which pixels or weights count and which do not.",
    "MIA|membership inference": "A guess, from a model's answers, that it learned from an image.",
    "margin": "By how much the score is above that of the strongest other class.",
    "p-value|p-values": "The share of normal images that are at least as unusual as this one.",
    "phantom|phantoms": "A drawn brain slice with an exactly known lesion; not a patient.",
    "pruning|pruned": "Taking weights out of a network, that is, setting them to zero.",
    "RMSE": "How far two images are apart per pixel: 0 is the same, 1 is black against white.",
    "retrained": "Trained anew without what was to be forgotten: what forgetting should equal.",
    "saliency": "A map of which places of an image matter for an answer.",
    "seed|seeds": "The number that chance begins with: the same one gives the same results.",
    "softmax": "Turns logits into probabilities that add up to 1.",
    "sparsity|sparse": "The share of weights that are zero.",
    "standard deviation|standard deviations": "How far values usually lie from their mean.",
    "token|tokens": "A word or part of one, as a language model reads and writes it.",
}
NAMES = {name: name.split("|") for name in TERMS}
PATTERNS = {
    name: re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, words))})(?![\w-])", re.IGNORECASE)
    for name, words in NAMES.items()
}


@lru_cache(maxsize=1024)
def terms_in(text: str) -> tuple[str, ...]:
    """The terms that a text uses, as keys of TERMS; whole words in any case."""
    return tuple(name for name, pattern in PATTERNS.items() if pattern.search(text))


def method_texts(method: type[Method[Any]]) -> Iterator[str]:
    yield method.about()
    for spec in fields(method):
        yield f"{spec.metadata['label']}. {spec.metadata['help']}"


def explain(text: str) -> None:
    """A button with the terms that the text uses; nothing where it uses none."""
    if not (terms := terms_in(text)):
        return
    with st.popover("Words", icon=":material/dictionary:"):
        st.markdown(
            "\n".join(
                f"- **{escape_markdown(NAMES[term][0])}**: {escape_markdown(TERMS[term])}"
                for term in terms
            )
        )
