"""A sweep as it is taken along: files by their names, without the folders that they lie in.

A folder's name may say whose images they are, and the way to it who works here.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePath

from engine.core.result import distinct
from engine.sweep.images import SweepImage, printable
from engine.sweep.plan import SweepPlan, SweepQuestion, Text
from engine.sweep.sweeping import Swept
from engine.vision.images.named import MARK

QUOTED = "'\"'\"'"  # what shlex makes of ' within a word


def names_only(swept: Swept, plan: SweepPlan) -> Swept:
    """The same sweep without any folder that its plan names; names that come again are numbered."""
    files = {image.title: file_of(image.source) for image in plan.images if is_path(image.source)}
    names = dict(zip(files, distinct([file_name(title) for title in files]), strict=True))
    folders = {*folders_of(plan_words(plan))}

    def shortened(text: str, title: str) -> str:
        prefixes = {*folders, *folders_of([files[title]])} if title in files else folders
        return strip_folders(text, prefixes)

    def of_question(question: SweepQuestion) -> SweepQuestion:
        title = question.image.title if question.image else ""
        image = (
            SweepImage("", names.get(title, title), question.image.label)
            if question.image
            else None
        )
        values = tuple((name, value_without(value, folders)) for name, value in question.given)
        return replace(question, image=image, given=values)

    return replace(
        swept,
        rows=tuple(
            replace(
                row,
                image=names.get(row.image, row.image),
                arguments=strip_folders(row.arguments, folders),
                command=shortened(row.command, row.image),
            )
            for row in swept.rows
        ),
        left_out=tuple(
            (
                of_question(question),
                shortened(reason, question.image.title if question.image else ""),
            )
            for question, reason in swept.left_out
        ),
    )


def is_path(word: str) -> bool:
    """Whether a word of a plan names a file with its folder."""
    return PurePath(word).is_absolute() or (os.sep in word and os.path.exists(word))  # noqa: PTH110


def file_of(source: str) -> str:
    """The file of an image, without the slice of a scan."""
    file, mark, words = source.rpartition(MARK)
    return file if mark and os.sep not in words else source


def file_name(title: str) -> str:
    """A title without folders, with the slice of a scan."""
    file = file_of(title)
    return PurePath(file).name + title.removeprefix(file)


def plan_words(plan: SweepPlan) -> Iterator[str]:
    """What the arguments of a plan may be, and its settings, word by word."""
    for axes in (plan.axes, *plan.settings.values()):
        for values in axes.values():
            for value in values:
                yield from (value,) if isinstance(value, str) else value


def folders_of(words: Iterable[str]) -> Iterator[str]:
    """The folders of those words that are paths, as they stand in a text and in a command."""
    for word in filter(is_path, words):
        folder = printable(f"{PurePath(word).parent}{os.sep}".replace(2 * os.sep, os.sep))
        yield from (folder, folder.replace("'", QUOTED))


def strip_folders(text: str, folders: Iterable[str]) -> str:
    """Text in which none of these folders stands."""
    for folder in sorted(folders, key=len, reverse=True):
        text = text.replace(folder, "")
    return text


def value_without(value: Text, folders: Iterable[str]) -> Text:
    """A value of a plan, each of its words without folders."""
    if isinstance(value, str):
        return strip_folders(value, folders)
    return tuple(strip_folders(word, folders) for word in value)
