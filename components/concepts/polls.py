"""POPE before and after: the forgotten things' questions, all others, and the three splits."""

from components.concepts.view import KEY
from components.section import Section
from engine.core.charts.bars import Dots
from engine.core.charts.drawing import Drawing, Views
from engine.hallucination import CaptionCase, Greedy, ScenesCase
from engine.unlearning import SAUCE, PollsAfter
from engine.unlearning.sauce.polls import OTHERS, WHEN
from engine.vision.language.tiny_vlm.model import TinyVLM

COUNT = 100  # scenes, as on Benchmarks


def show(case: CaptionCase, method: SAUCE) -> None:
    if not isinstance(case.vlm, TinyVLM):
        return
    Section(
        f"{KEY}.polls",
        PollsAfter(**method.settings()),
        ScenesCase(case.vlm, Greedy(), COUNT),
        "POPE before and after",
        button="Ask POPE before and after",
        before=f"POPE’s questions about {COUNT} scenes, as on Benchmarks: the model as it is, "
        "and with the features suppressed.",
        evidence=(
            Drawing("rates", "Right answers", dots("accuracy"), right_words),
            Drawing("rates", "Share of yes", dots("yes-ratio"), yes_words),
            Drawing(
                "splits",
                "Right answers by POPE’s splits",
                Dots(
                    series={f"accuracy {when}": when for when in WHEN},
                    joined=True,
                    title="right answers (%)",
                ),
                split_words,
            ),
        ),
    ).show()


def dots(rate: str) -> Dots:
    return Dots(
        series={f"{rate} {when}": when for when in WHEN},
        intervals={
            f"{rate} {when}": (f"{rate} {when} low", f"{rate} {when} high") for when in WHEN
        },
        span=(-3, 103),
        title=f"{'right answers' if rate == 'accuracy' else 'yes'} (%)",
    )


def right_words(result: Views) -> str:
    rates = result["rates"]
    shares = ", ".join(
        f"{name} {count:.0f}" for name, count in zip(rates.rows, rates["questions"], strict=True)
    )
    return (
        f"Questions: {shares}. About what is forgotten right answers are to fall, about the others "
        "to stay. Bars: 95 % of redraws."
    )


def yes_words(result: Views) -> str:
    rates = result["rates"]
    present = ", ".join(
        f"{name} {100 * present_count / count:.0f} %" if count else f"{name} –"
        for name, present_count, count in zip(
            rates.rows, rates["there"], rates["questions"], strict=True
        )
    )
    before, after = (100 * rates.cell(OTHERS, f"false yes {when}") for when in WHEN)
    return (
        f"Truly there: {present}. Yes to other things that are not: {before:.0f} → {after:.0f} %."
    )


def split_words(result: Views) -> str:
    before, after = (
        " / ".join(f"{100 * value:.0f}" for value in result["splits"][f"accuracy {when}"])
        for when in WHEN
    )
    return f"All questions, random / popular / adversarial: {before} % before, {after} % after."
