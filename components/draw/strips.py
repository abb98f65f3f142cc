"""Masks of a network as strips: a row for each layer, with a picture of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from components.charts import mask_pictures
from engine.sparsity import Masks, diagrams

StripRow = tuple[str, str, str]  # a layer's name, its picture as HTML, and what is said of it


def strips_html(masks: Masks, high: int, heads: tuple[str, str, str], words: str) -> str:
    """Every layer with the share of its weights that the mask has.

    Args:
        masks: of all layers.
        high: px of a strip.
        heads: of the three columns.
        words: what the share is of, such as "of the weights moved".
    """
    rows: list[StripRow] = []
    for one, count in zip(diagrams.strips(masks, high), masks.counts, strict=True):
        share = f"{100 * count / one.part.size:.0f} %"
        picture = mask_pictures.image(
            mask_pictures.strip(one), f"{one.part.layer}: {share} {words}",
            f"width:100%;height:{high}px;display:block",
        )  # fmt: skip
        rows.append((one.part.layer, picture, share))
    return strip_table(rows, heads)


def strip_table(rows: Sequence[StripRow], heads: tuple[str, str, str]) -> str:
    """Rows of pictures as a plain table, which a screen reader can walk through."""
    style = "padding:1px 8px 1px 0;font-weight:400;text-align:left;white-space:nowrap"
    head = "".join(f'<th scope="col" style="{style}">{escape(word)}</th>' for word in heads)
    body = "".join(
        f'<tr><th scope="row" style="{style};max-width:11rem;overflow:hidden;'
        f'text-overflow:ellipsis">{escape(name)}</th><td style="width:100%">{picture}</td>'
        f'<td style="{style};padding-left:8px">{escape(said)}</td></tr>'
        for name, picture, said in rows
    )
    return (
        '<table style="width:100%;border-collapse:collapse;font-size:0.8rem">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
