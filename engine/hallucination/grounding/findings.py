"""What an answer's words rest on, in sentences: where they looked, what they owe to what."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.core.result import Floats, HeatMap, Table
from engine.evaluation.language.claims import telling
from engine.evaluation.measures import located
from engine.hallucination.grounding.word_case import WordCase
from engine.vision.language.tiny_vlm.words import tidy

HANGS = 0.1  # words hang on a thing without which they are this much less likely
SURVIVES = 0.5  # of the probability that a word has in the image
THIS = "this image"  # the first row of a table of images
BLIND = {  # pictures that stand in for the image and show nothing, as a person names them
    "blank": "a blank picture",
    "noise": "pure noise",
    "noised": "this image, deep in noise",
    "no image": "no picture at all",
}


# ---------------------------------------------------------------- where they looked


def attention_sentence(case: WordCase, shares: Floats, heat: HeatMap) -> str:
    """How much of the attention went to the image, and whether it is where it should be.

    Args:
        case: the words.
        shares: of their attention, to the image and to sinks, (2,).
        heat: where in the image it lies.
    """
    names, mask = " and the ".join(case.things), case.mask
    to_image, to_sinks = shares.tolist()
    words = f"{100 * to_image:.0f} % of the attention of {case.phrase} went to the image"
    words += f", {100 * to_sinks:.0f} % to places that every word looks at" if to_sinks else ""
    if mask is not None:
        result = located(heat.values, mask)
        return (
            f"{words}. Of the map {100 * result.mass:.0f} % lies on the {names} (by chance "
            f"{100 * result.chance:.0f} %)."
        )
    if case.scene is None:
        return f"{words}."
    why = f"there is no {names} here" if names else "it names no thing"
    return f"{words}. No place in it would be right: {why}."


# ---------------------------------------------------------------- what they hang on


def thing_table(case: WordCase, heat: HeatMap, images: Table) -> Table:
    """The share of the attention that lies on each thing of the scene, and the loss without it.

    Args:
        case: the words, held against the scene without each of its things.
        heat: their attention to the image.
        images: of `Cause`.
    """
    names = tuple(scene_object.category for scene_object in case.scene.things) if case.scene else ()
    masks = [case.mask_of(name) for name in names]
    on_it = [located(heat.values, mask).mass if mask.any() else 0.0 for mask in masks]
    columns = {
        "attention": (np.array(on_it, np.float32), "share"),
        "lost": (images["owed"][1:], "share"),
    }
    return Table.of(columns, rows=names)


def on_no_thing(table: Table) -> str:
    """How much of the attention to the image lies on no thing."""
    rest = 100 * max(0.0, 1 - float(table["attention"].sum()))
    return (
        f"How much of the attention to the image lies on each thing; {rest:.0f} % lies on none "
        "of them."
    )


def hangs_on(phrase: str, table: Table, probability: float) -> str:
    """Whether words hang on what they looked at.

    Args:
        phrase: the words.
        table: of `thing_table`.
        probability: of the words in the image as it is.
    """
    most, lost = int(table["attention"].argmax()), table["lost"]
    needed = [at for at in np.argsort(-lost, kind="stable").tolist() if lost[at] >= HANGS]
    falls = [
        f"{100 * probability:.0f} % → {100 * max(probability - loss, 0.0):.0f} %"
        for loss in lost.tolist()
    ]
    name = table.rows[most]
    if not needed:
        return (
            f"{phrase} hangs on no single thing: whichever is taken out, it stays about as likely "
            f"after the same words before it. That it looked most at the {name} proves nothing."
        )
    first, *more = (f"the {table.rows[at]} ({falls[at]} without it)" for at in needed)
    hangs = f"{phrase} hangs on {' and on '.join([first, *more])}."
    if most in needed:
        return f"{hangs} Of all things it also looked most at the {name}."
    return (
        f"It looked most at the {name}, but without the {name} it stays: {falls[most]}. {hangs} "
        "Attention pointed elsewhere."
    )


def least_likely(phrase: str, images: Table) -> str:
    """In which of several images words are least likely. Args: images: of `Cause`."""
    in_image, *others = (100 * float(share) for share in images["probability"])
    least = int(np.argmin(others))
    name = images.rows[least + 1]
    if opacity(name):
        where = f"at {100 * float(name):.0f} % opacity"
    else:
        where = name if name.startswith("without ") else f"in {name}"
    words = f"After the same words before it, {phrase} has {in_image:.0f} % in this image"
    return f"{words}; least of all, {others[least]:.0f} %, {where}."


def opacity(name: str) -> bool:
    """Whether an image is named by the opacity of a thing in it, such as "0.25"."""
    return name.replace(".", "", 1).isdecimal()


def answers_without(case: WordCase, images: Table) -> str:
    """The answers that change with the image. Args: images: of `Cause`, with its notes."""
    note = images.notes[0]
    changed = [
        f"{name}: “{tidy(text)}”"
        for name, text in zip(case.names, images.notes[1:], strict=True)
        if text != note
    ]
    return f"What the model then says, {'; '.join(changed)}." if changed else ""


def fades(phrase: str, name: str, images: Table) -> str:
    """The probability of words without a thing, with it fully there, and as it is."""
    in_image, lowest, *_, highest = (100 * float(share) for share in images["probability"])
    return (
        f"After the same words before it, the model gives {phrase} {lowest:.0f} % with no {name} "
        f"at all, with a fully visible one {highest:.0f} %, and {in_image:.0f} % in this image."
    )


def by_opacity(images: Table) -> Table:
    """The probability at each opacity that an image is named by; not of the image as it is."""
    columns = {
        "opacity": (np.array(images.rows[1:], np.float32), ""),
        "probability": (images["probability"][1:], "probability"),
    }
    return Table.of(columns, rows=images.rows[1:])


# ---------------------------------------------------------------- a hidden region


def hidden(phrase: str, images: Table) -> str:
    """What becomes of words when a region is hidden, and of the answer.

    Args:
        phrase: the words.
        images: of `RegionWords`: as it is, and with the region hidden.
    """
    before, after = (100 * float(share) for share in images["probability"])
    answer, says = images.notes
    now = "The answer stays." if says == answer else f"The model then says: “{tidy(says)}”."
    return f"With the region hidden {phrase} goes from {before:.0f} % to {after:.0f} %. {now}"


def changed_most(most: int, words: Table) -> Table:
    """The words that lose or gain most when a region is hidden, in their order in the answer.

    Args:
        most: how many.
        words: of `RegionWords`.
    """
    places = np.sort(np.argsort(-np.abs(words["owed"]), kind="stable")[:most])
    selected = words.take(places.tolist())
    columns = {
        "attention": (selected["attention inside"], "share"),
        "lost": (selected["owed"], "share"),
    }
    return Table.of(columns, rows=selected.rows)


def points_lost(most: int, words: Table) -> str:
    """What the losses of `changed_most` are, and of how many words."""
    of_all = f" Of {len(words)} words the {most} most changed." if len(words) > most else ""
    return (
        f"How many points the word loses when the region is hidden behind the mean color.{of_all}"
    )


# ---------------------------------------------------------------- without looking


def in_pictures(words: Sequence[str], table: Table) -> Table:
    """The words that say something of the image, all where none does, in every picture.

    Args:
        words: of the answer.
        table: of `Priors`.
    """
    places = telling(words) or range(len(words))
    names = tuple(table.order[place] for place in places)
    values = np.stack([np.asarray(table[name], np.float32) for name in names], 1)
    rows = tuple(BLIND.get(name, name) for name in table.rows)
    return Table.grid(values, rows, names, ("probability",) * len(names))


def surviving(values: Floats) -> NDArray[np.bool_]:
    """Which words keep half of their probability, (pictures, words); the first is the image."""
    survives: NDArray[np.bool_] = values >= SURVIVES * values[:1]
    return survives


def survivors(words: Sequence[str], word_table: Table, others: Collection[str] = ()) -> str:
    """Which words are said anyway, in how many of the pictures that show nothing.

    Args:
        words: of the answer.
        word_table: of `Priors`.
        others: names of pictures that do show something.
    """
    table = in_pictures(words, word_table)
    blind = [at for at, name in enumerate(word_table.rows) if name not in {THIS, *others}]
    lasting = surviving(table.values)[blind]  # (pictures, words)
    spoken_words = [name.split(". ", 1)[1] for name in table.columns]
    if len(spoken_words) == 1:
        names = [table.rows[at] for at, stays in zip(blind, lasting[:, 0], strict=True) if stays]
        where = f": {', '.join(names)}" if names else ""
        return (
            f"“{spoken_words[0]}” survives in {len(names)} of {len(blind)} "
            f"that show nothing{where}."
        )
    often = (2 * lasting.sum(0) >= len(blind)).tolist()
    remaining = [word for word, stays in zip(spoken_words, often, strict=True) if stays]
    quoted = ", ".join(f"“{word}”" for word in dict.fromkeys(remaining))
    return (
        f"{len(remaining)} of {len(spoken_words)} words that say something of the image survive "
        "in at least "
        f"half of the {len(blind)} that show nothing{f': {quoted}' if remaining else ''}."
    )


def says_of(names: Sequence[str], answers: Sequence[str]) -> str:
    """What the model says of each picture."""
    pairs = zip(names, answers, strict=True)
    return f"It says {'; '.join(f'{answer} of {name}' for name, answer in pairs)}."
