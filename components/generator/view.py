"""Samples before, after and with a chance mask; what they are read as; and how it came about."""

from functools import partial

from streamlit.delta_generator import DeltaGenerator

from components.draw.pictures import draw_pictures
from components.generator.form import KEY, SAMPLING, GeneratorQuestion
from components.generator.keep import keep
from components.section import Section
from engine.core.charts.bars import Bars, Dots
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.lines import Lines
from engine.core.charts.matrix import Matrix
from engine.core.result import Table
from engine.unlearning import Samples
from engine.unlearning.salun.generator import AFTER, BEFORE, CHANCE

SHEETS = {BEFORE: BEFORE, AFTER: AFTER, CHANCE: CHANCE}


def show(question: GeneratorQuestion, below: DeltaGenerator) -> None:
    Section(
        KEY,
        question.method,
        question.case,
        picture=lambda result: draw_pictures(result["sheet"], f"{KEY}.sheet"),
        button=f"Forget the {question.method.label}",
        before=f"The generator is to forget the class {question.method.label}: once with the "
        "salient weights and once, as a control, with as many drawn at random.",
        evidence=drawings(question.method.label),
        below=below,
        detail=lambda _: keep(question),
    ).show()


def samples(question: GeneratorQuestion) -> None:
    Section(
        f"{KEY}.drawn",
        Samples(**{name: getattr(question.method, name) for name in SAMPLING}),
        question.case,
        "What the generator draws as it is",
        evidence=(
            Drawing(
                "read",
                "What is read in the samples of each class",
                Matrix(span=(0, 100), form=".0f", bar="%", x_title="read as", title="asked for"),
                drawn_words,
            ),
        ),
    ).show()


def drawings(label: str) -> tuple[Drawing, ...]:
    return (
        Drawing(
            "read",
            "Read as asked, class by class",
            Dots(series=SHEETS, span=(-3, 103), title="% of the samples"),
            kept_words,
        ),
        Drawing(
            "instead",
            f"What is read in samples that were asked for as {label}",
            Matrix(span=(0, 100), form=".0f", bar="%", x_title="read as", height=260),
            partial(instead_words, label=label),
        ),
        Drawing(
            "figures",
            "Distance of the other classes from real images",
            Bars(value="distance of the others", title="FID on the judge's features"),
            distance_words,
        ),
        Drawing(
            "where",
            "Where the weights are that may move",
            Bars(value="may move", title="% of the layer's weights", span=(0, 100)),
            where_words,
        ),
        Drawing(
            "losses",
            "What was learned, step by step",
            Lines(
                x="step",
                series={
                    f"{what}, {name}": f"{what}, {name}"
                    for what in ("forgets", "keeps")
                    for name in (AFTER, CHANCE)
                },
                title="mean square",
                x_title="step",
            ),
            loss_words,
        ),
        Drawing("figures", "All figures"),
    )


def kept_words(result: Views) -> str:
    table = result["read"]
    lost = table[BEFORE][1:] - table[AFTER][1:]
    at = int(lost.argmax()) + 1
    if lost.max() <= 0:
        return f"After SalUn none of the other {len(lost)} classes is read as asked less often."
    return (
        f"Of the others {table.rows[at]} loses most: {100 * table[BEFORE][at]:.0f} → "
        f"{100 * table[AFTER][at]:.0f} %."
    )


def instead_words(result: Views, label: str) -> str:
    table = result["instead"]
    parts = []
    for name in table.rows:
        shares = {read: table.cell(name, read) for read in table.order}
        most = max(shares, key=shares.__getitem__)
        parts.append(f"{name} {most} ({100 * shares[most]:.0f} %)")
    return f"Asked for {label}, most often read as: {'; '.join(parts)}."


def distance_words(result: Views) -> str:
    table = result["figures"]
    distances = {name: table.cell(name, "distance of the others") for name in table.rows}
    return (
        f"Training images are {distances.pop('real images'):.1f} from other training images, "
        "the floor; "
        + ", ".join(f"{name} {value:.1f}" for name, value in distances.items())
        + f". Lower is nearer.{floor_words(table)}"
    )


def floor_words(figures: Table) -> str:
    real_count, *sample_counts = figures["images compared"].astype(int)
    if real_count >= max(sample_counts):
        return ""
    return (
        f" The floor is of {real_count} images, fewer than the {max(sample_counts)} samples, so it "
        "is higher than it would be of as many."
    )


def where_words(result: Views) -> str:
    table = result["where"]
    share = table["may move"]
    high, low = int(share.argmax()), int(share.argmin())
    return (
        f"Most in {table.rows[high]} ({100 * share[high]:.0f} %), fewest in {table.rows[low]} "
        f"({100 * share[low]:.0f} %). A chance mask has about the same share in every layer."
    )


def loss_words(result: Views) -> str:
    table = result["losses"]
    ends = {name: table[name][-20:].mean() for name in table.order[1:]}
    losses = "; ".join(f"{name} {value:.3f}" for name, value in ends.items())
    return f"Mean of the last steps: {losses}."


def drawn_words(result: Views) -> str:
    table = result["read"]
    right = [table.cell(name, name) for name in table.rows]
    at = min(range(len(right)), key=right.__getitem__)
    figures = result["figures"]
    return (
        f"Fewest as asked: {table.rows[at]}, {100 * right[at]:.0f} %. Of test images, which it did "
        f"not learn from, the judge reads {100 * figures.cell('real images', 'read as asked'):.0f} "
        f"% right.{floor_words(figures)}"
    )
