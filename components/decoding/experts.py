"""SCMoE: which experts were asked for each word, and how far the two routings are apart."""

from functools import partial

import numpy as np

from components.decoding.form import KEY, Compared, DecodedAnswer
from components.dialog.lens import window
from engine.core.charts.bars import Bars
from engine.core.charts.chart import Values
from engine.core.charts.drawing import Drawing, Views
from engine.core.charts.matrix import Matrix
from engine.core.result import Table

LAYER_PREFIX = "experts "  # how the views begin that hold a layer's weights
DIVERGENCE_BARS = Bars(value="KL", title="KL(strong ‖ weak), nats")


def drawings(_comparison: Compared, decoded: DecodedAnswer) -> tuple[Drawing, ...]:
    part = window(decoded.numbered, f"{KEY}.experts.from")
    layers = [name for name in decoded.answer if name.startswith(LAYER_PREFIX)]
    return (
        Drawing(
            "routings",
            "How far apart strong and weak experts are",
            DIVERGENCE_BARS,
            apart_words,
            part=lambda table: words_with_places(table, decoded, part),
        ),
        *(layer_drawing(decoded, name, part) for name in layers),
    )


def words_with_places(table: Table, decoded: DecodedAnswer, part: slice) -> Table:
    columns = {name: (table[name][part], "nats") for name in table.order}
    return Table.of(columns, decoded.numbered[part])


def apart_words(views: Views) -> str:
    table: Table = views["routings"]
    most = int(np.argmax(table["KL"]))
    return (
        f"Over the answer, KL(strong ‖ weak) is {table['KL'].mean():.2f} nats on average, and most "
        f"at “{table.rows[most]}”: {table['KL'][most]:.2f}. At 0 both routings agree, and nothing "
        "is gained by subtracting."
    )


def layer_drawing(decoded: DecodedAnswer, name: str, part: slice) -> Drawing:
    strong, weak = (
        routing_weights(decoded.answer[name], side)[part].T for side in ("strong", "weak")
    )
    experts = [f"expert {number + 1}" for number in range(len(strong))]
    words = tuple(decoded.numbered[part])
    chart = Matrix(
        span=(0, 1),
        bar="weight among the strong",
        x_title="the answer's words",
        texts=[[f"{100 * share:.0f} %" if share else "" for share in row] for row in strong],
        outlined=[(int(row), int(column)) for row, column in np.argwhere(weak > 0)],
        height=180 + 34 * len(experts),
    )
    table = Table.grid(strong, experts, words, ("weight",) * len(words))
    return Drawing(
        name,
        f"Who was asked in layer {name.removeprefix(LAYER_PREFIX)}",
        chart,
        partial(asked_words, name),
        part=lambda _: table,
    )


def routing_weights(table: Table, side: str) -> Values:
    """The weight of every expert in one of the routings, (words, experts)."""
    names = [name for name in table.order if name.startswith(side)]
    return np.stack([table[name] for name in names], 1)


def asked_words(name: str, views: Views) -> str:
    strong, weak = (routing_weights(views[name], side) > 0 for side in ("strong", "weak"))
    both = int((strong & weak).any(1).sum())
    words = (
        "Filled: the strong experts, with their weights. Outlined: the weak one. Over the answer, "
        f"{strong.any(0).sum()} of {strong.shape[1]} experts were asked as strong, "
        f"{weak.any(0).sum()} as weak."
    )
    return words + (
        f" At {both} of {len(strong)} words the weak one is also strong." if both else ""
    )
