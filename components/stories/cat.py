"""The cat that became a palace: a walk along which the model notices nothing."""

from collections.abc import Callable, Sequence
from functools import partial

from components.charts.plots import slide
from components.draw.drawing import draw
from components.heatmaps import view as heatmaps
from components.level_sets import plane_chart, star_chart, walks
from components.stories.pictures import beside_classes
from components.stories.step import Story, StoryStep
from components.stories.words import top_class_text
from components.views import HEATMAPS, LEVEL_SETS
from components.widgets.pictures import show_picture
from components.widgets.player import player
from components.widgets.viewer import Panel, viewer
from engine.attribution.lst.method import LST
from engine.attribution.lst.plane import Plane
from engine.attribution.lst.star import Star
from engine.commands.openings.attribution import walk
from engine.core.pictures import as_bytes
from engine.core.run import Answer
from engine.evaluation.maps.grad_cam import GradCam
from engine.vision.case.opening import OpeningQuestion, about_first, sample_input
from engine.vision.case.prediction import Prediction
from engine.vision.images.samples import SAMPLES

CAT, PALACE = (
    next(sample for sample in SAMPLES if sample.name == name) for name in ("chelsea", "china")
)
MAP = GradCam()
TALL = 330  # px of a chart below a short sentence


def prediction() -> Sequence[OpeningQuestion]:
    return [(Prediction(), sample_input(CAT.name))]


def heat_map() -> Sequence[OpeningQuestion]:
    return [(MAP, about_first(CAT.name))]


def walked(kind: type[LST | Plane | Star]) -> Callable[[], Sequence[OpeningQuestion]]:
    return lambda: [walk(kind)]


def photograph(key: str, answer: Answer) -> None:
    pixels = as_bytes(sample_input(CAT.name).image)
    beside_classes(lambda: show_picture(pixels, CAT.title, width="stretch"), answer, key)


def over_it(key: str, answer: Answer) -> None:
    viewer(
        as_bytes(sample_input(CAT.name).image), [Panel(MAP.title, answer["map"])], key, bare=True
    )


def played(key: str, answer: Answer) -> None:
    method, case = walk(LST)
    if trajectory := walks.walked(method.title, method, case, answer):
        player([trajectory], key, bare=True)


def star(key: str, answer: Answer) -> None:
    with slide(TALL):
        star_chart.star(answer, key)


def linked(word: str) -> dict[str, str]:
    return {"image": CAT.title, "levels.view": word}


STORY = Story(
    "cat",
    "The cat that became a palace",
    "How far a photograph can change while the model goes on saying the same.",
    (
        StoryStep(
            "What does the model see?",
            prediction, lambda result: top_class_text(result["classes"]), photograph,
            "A photograph, and an ordinary network that learned to name things in photographs. It "
            "gives every kind of thing a probability. Ask the room: would you trust this answer?",
            HEATMAPS, partial(dict, image=CAT.title),
        ),
        StoryStep(
            "Where does it look?",
            heat_map, lambda result: heatmaps.sentence({MAP.title: result}), over_it,
            "The usual way to check: a heat map. It points at something sensible, and many people "
            "stop here. It says nothing of what the model overlooks.",
            HEATMAPS, lambda: {"image": CAT.title, "heatmaps.methods": MAP.title},
        ),
        StoryStep(
            "How far can the picture change unnoticed?",
            walked(LST), walks.nearness_words, played,
            "The picture changes step by step towards the palace, only in directions in which the "
            "model’s answer stays. Watch the picture, then watch the bars. At the end you see the "
            "palace, and the model still names the cat.",
            LEVEL_SETS, lambda: linked("Walk") | {"levels.against": PALACE.title},
        ),
        StoryStep(
            "Is that no more than mixing two pictures?",
            walked(Plane), plane_chart.sentence,
            lambda key, result: draw(plane_chart.GROUND, result, key),
            "The control: the straight line from one photograph to the other, in gray, beside the "
            "walk, in white. Bright ground is where the model names the cat. See how near the two "
            "lie to each other, and what the model makes of that.",
            LEVEL_SETS, lambda: linked("Plane") | {"levels.against": PALACE.title},
        ),
        StoryStep(
            "Is it only this palace?",
            walked(Star), star_chart.sentence, star,
            "The same walk towards other photographs. A right answer on your image is no sign that "
            "the model would notice if it were another one.",
            LEVEL_SETS, lambda: linked("Star"),
        ),
    ),
    cover=2, picture=lambda result: as_bytes(result["end"].frames[-1]),
)  # fmt: skip
