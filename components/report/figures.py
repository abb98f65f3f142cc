"""Plotly's charts as still pictures (SVG), drawn by matplotlib: no browser is needed for them.

Bars, lines, marks, bands and colored grids are drawn, which is what our charts are made of. A chart
of anything else, such as a surface in space, is given as its numbers alone.
"""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from engine.core.charts.style import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap

DRAWN = {"bar", "scatter", "scattergl", "heatmap", "contour"}
WIDTH, WIDE, DOTS = 4.5, 7.0, 100  # inch, with several plots too; px of a chart's height to an inch
FONT = 9
DASHES = {
    "dash": "--",
    "dot": ":",
    "dashdot": "-.",
    "24px,4px": (0, (8, 1.5)),
    "longdashdot": (0, (8, 3, 2, 3)),
}
MARKS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "triangle-up": "^",
    "cross": "P",
    "x": "X",
    "star": "*",
    "circle-open": "o",
}
Trace = Mapping[str, Any]


def svg(figure: go.Figure) -> str:
    """A chart as SVG; "" where it has parts that are not drawn here."""
    from matplotlib.figure import Figure

    plain = figure.to_plotly_json()
    traces = [trace for trace in plain["data"] if trace.get("visible") in (None, True)]
    layout = plain["layout"]
    if not traces or not {trace.get("type", "scatter") for trace in traces} <= DRAWN:
        return ""
    height = min(max((layout.get("height") or 340) / DOTS, 1.6), 8.0)
    names = list(dict.fromkeys(trace.get("xaxis", "x") for trace in traces))
    page = Figure((WIDE if len(names) > 1 else WIDTH, height), layout="constrained")
    plots = np.atleast_1d(page.subplots(1, len(names), sharey=len(names) > 1))
    for axes, name in zip(plots, names, strict=True):
        axis_traces = [trace for trace in traces if trace.get("xaxis", "x") == name]
        draw_axes(axes, axis_traces, layout, name[1:])
    file = io.StringIO()
    page.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    return file.getvalue()


def draw_axes(axes: Axes, traces: Sequence[Trace], layout: Trace, number: str) -> None:
    across, down = (layout.get(f"{way}axis{number}", {}) for way in "xy")
    names = {way: categories(traces, way, axis) for way, axis in (("x", across), ("y", down))}
    stacks: dict[Any, float] = {}
    bars = [trace for trace in traces if trace.get("type") == "bar"]
    for trace in traces:
        if trace.get("type") == "bar":
            draw_bars(axes, trace, names, layout, bars, stacks)
        elif trace.get("type") in {"heatmap", "contour"}:
            draw_ground(axes, trace, layout)
        else:
            draw_line(axes, trace, names)
    set_axes(axes, across, down, names)
    draw_shapes(axes, layout, number)
    axes.tick_params(labelsize=FONT - 1, colors=INK["light"])
    axes.grid(visible=True, color="#e3e6e8", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    if layout.get("showlegend") is not False and len(set(labels)) > 1:
        axes.legend(
            handles,
            labels,
            fontsize=FONT - 1,
            frameon=False,
            ncols=3,
            loc="lower left",
            bbox_to_anchor=(0, 1),
        )


def categories(traces: Sequence[Trace], way: str, axis: Trace) -> list[str]:
    values = [value for trace in traces for value in as_list(trace.get(way))]
    if axis.get("type") == "category" or any(isinstance(value, str) for value in values):
        return list(dict.fromkeys(str(value) for value in values))
    return []


def as_list(values: Any) -> list[Any]:
    return [] if values is None else list(np.asarray(decode_array(values), object).ravel())


def decode_array(values: Any) -> Any:
    """An array that Plotly has packed for the browser, (n,) or in its own shape."""
    if not isinstance(values, Mapping):
        return values
    flat = np.frombuffer(b64decode(values["bdata"]), np.dtype(values["dtype"]))
    shape = values.get("shape")
    return flat.reshape([int(side) for side in str(shape).split(",")]) if shape else flat


def axis_places(values: Any, names: Sequence[str]) -> np.ndarray[Any, Any]:
    if names:
        return np.array([names.index(str(value)) for value in as_list(values)], float)
    return np.array([np.nan if value is None else float(value) for value in as_list(values)])


def draw_bars(
    axes: Axes,
    trace: Trace,
    names: Mapping[str, list[str]],
    layout: Trace,
    bars: Sequence[Trace],
    stacks: dict[Any, float],
) -> None:
    is_horizontal = trace.get("orientation") == "h"
    along, up = ("y", "x") if is_horizontal else ("x", "y")
    length = np.nan_to_num(axis_places(trace.get(up), []))
    at = axis_places(trace[along], names[along]) if along in trace else np.arange(len(length)) * 1.0
    mode = layout.get("barmode", "group")
    bar_width = trace.get("width")
    wide = float(bar_width) if isinstance(bar_width, int | float) else 0.7
    start = trace.get("base")
    base = np.broadcast_to(axis_places(0 if start is None else start, []), length.shape).copy()
    if mode in {"stack", "relative"}:
        base = np.array([stacks.get(key, 0.0) for key in at])
        stacks.update(
            {key: start + more for key, start, more in zip(at, base, length, strict=True)}
        )
    elif mode == "group" and len(bars) > 1:
        wide = 0.8 / len(bars)
        at = at + (list(map(id, bars)).index(id(trace)) - (len(bars) - 1) / 2) * wide
    marker = trace.get("marker", {})
    look = {"color": inks(marker.get("color"), "#0072b2"), "label": plain_text(trace.get("name"))}
    drawn = (
        axes.barh(at, length, wide, left=base, **look)
        if is_horizontal
        else axes.bar(at, length, wide, bottom=base, **look)
    )
    texts = trace.get("text")
    if texts is not None and not isinstance(texts, str):
        axes.bar_label(
            drawn, [plain_text(text) for text in as_list(texts)], fontsize=FONT - 2, padding=2
        )


def draw_line(axes: Axes, trace: Trace, names: Mapping[str, list[str]]) -> None:
    y = axis_places(trace.get("y"), names["y"])
    x = axis_places(trace["x"], names["x"]) if "x" in trace else np.arange(len(y)) * 1.0
    line, marker = trace.get("line", {}), trace.get("marker", {})
    mode = trace.get("mode") or "lines"
    ink = inks(line.get("color"), None) or inks(marker.get("color"), "#0072b2")
    if trace.get("fill") == "toself":
        axes.fill(x, y, color=inks(trace.get("fillcolor"), "#80808047"), linewidth=0)
        return
    first = ink[0] if isinstance(ink, list) else ink
    label = plain_text(trace.get("name")) if trace.get("showlegend") is not False else ""
    if "lines" in mode:
        axes.plot(
            x,
            y,
            color=first,
            linestyle=DASHES.get(line.get("dash"), "-"),
            linewidth=0.75 * (line.get("width") if line.get("width") is not None else 2),
            label=label if "markers" not in mode else "",
        )
    if "markers" in mode:
        symbol = marker.get("symbol")
        sign = MARKS.get(symbol if isinstance(symbol, str) else "circle", "o")
        color = inks(marker.get("color"), first)
        color = color if isinstance(color, list) else [color]
        axes.scatter(x, y, 26, color, marker=sign, label=label, zorder=3)
    for way, error in (("xerr", trace.get("error_x")), ("yerr", trace.get("error_y"))):
        if error and error.get("array") is not None and error.get("visible") is not False:
            more = axis_places(error["array"], [])
            less = more if error.get("arrayminus") is None else axis_places(error["arrayminus"], [])
            spread = np.abs(np.nan_to_num([less, more]))
            axes.errorbar(x, y, fmt="none", ecolor=first, elinewidth=1.2, **{way: spread})
    if "text" in mode and trace.get("text") is not None:
        for place in zip(x, y, as_list(trace["text"]), strict=False):
            axes.annotate(
                plain_text(place[2]),
                place[:2],
                (4, 2),
                textcoords="offset points",
                fontsize=FONT - 2,
                color=INK["light"],
            )


def draw_ground(axes: Axes, trace: Trace, layout: Trace) -> None:
    values = np.asarray(decode_array(trace["z"]), float)
    if not values.size:
        return
    axis = layout.get("coloraxis", {}) if trace.get("coloraxis") else trace
    low, high = (axis.get(f"c{end}", axis.get(f"z{end}", None)) for end in ("min", "max"))
    if axis.get("cmid") is not None and low is None:
        high = float(np.nanmax(np.abs(values)))
        low = -high
    stops = axis.get("colorscale")
    colors = "cividis" if stops is None or isinstance(stops, str) else scale_of(stops)
    drawn = axes.imshow(values, colors, vmin=low, vmax=high, origin="lower", aspect="auto")
    for way, ticks, at in (("x", axes.set_xticks, 1), ("y", axes.set_yticks, 0)):
        positions = as_list(trace.get(way)) or list(range(values.shape[at]))
        every = max(1, len(positions) // 8)
        words = [
            plain_text(value) if isinstance(value, str) else f"{value:.3g}" for value in positions
        ]
        ticks(range(0, len(positions), every), words[::every])
    title = (axis.get("colorbar", {}).get("title") or {}).get("text", "")
    axes.figure.colorbar(drawn, ax=axes, shrink=0.8, label=plain_text(title))


def scale_of(stops: Sequence[Sequence[Any]]) -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("", [(at, rgba(color)) for at, color in stops])


def set_axes(axes: Axes, across: Trace, down: Trace, names: Mapping[str, list[str]]) -> None:
    for way, axis in (("x", across), ("y", down)):
        plot_axis = axes.xaxis if way == "x" else axes.yaxis
        title = plain_text((axis.get("title") or {}).get("text"))
        plot_axis.set_label_text(title, fontsize=FONT, color=INK["light"])
        if axis.get("type") == "log":
            (axes.set_xscale if way == "x" else axes.set_yscale)("log")
        if names[way]:
            plot_axis.set_ticks(range(len(names[way])), [plain_text(name) for name in names[way]])
            axes.margins(x=0.02) if way == "x" else axes.margins(y=0.02)
        elif axis.get("tickvals") is not None:
            ticks = as_list(axis["tickvals"])
            plot_axis.set_ticks(
                ticks, [plain_text(text) for text in as_list(axis.get("ticktext")) or ticks]
            )
        if axis.get("range") is not None and None not in as_list(axis["range"]):
            low, high = (10.0**end if axis.get("type") == "log" else end for end in axis["range"])
            (axes.set_xlim if way == "x" else axes.set_ylim)(low, high)
        if axis.get("autorange") == "reversed":
            plot_axis.set_inverted(inverted=True)


def draw_shapes(axes: Axes, layout: Trace, number: str) -> None:
    for shape in layout.get("shapes", ()):
        if (shape.get("xref") or "x").split()[0] not in {f"x{number}", "paper"}:
            continue
        ink = inks((shape.get("line") or {}).get("color"), "#808080")
        dash = DASHES.get(str((shape.get("line") or {}).get("dash")), "-")
        upright = "domain" in str(shape.get("yref")) or shape.get("yref") == "paper"
        if shape.get("type") == "line" and upright:
            axes.axvline(shape["x0"], color=ink, linestyle=dash, linewidth=1.2)
        elif shape.get("type") == "line":
            axes.axhline(shape["y0"], color=ink, linestyle=dash, linewidth=1.2)
        elif shape.get("type") == "rect" and upright:
            axes.axvspan(shape["x0"], shape["x1"], color="#80808030", linewidth=0)
    for note in layout.get("annotations", ()):
        refs = str(note.get("xref", "paper")), str(note.get("yref", "paper"))
        if refs[0].split()[0] == f"x{number}" and ("domain" in refs[1] or refs[1] == "paper"):
            axes.annotate(
                plain_text(note.get("text")),
                (note["x"], note.get("y", 1)),
                (3, 0),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=FONT - 2,
                color="#5b6468",
                va="bottom" if not note.get("y") else "top",
            )
        elif refs[0] == "paper" and "<b>" in str(note.get("text")):
            titles = [
                annotation
                for annotation in layout["annotations"]
                if "<b>" in str(annotation.get("text"))
            ]
            if titles.index(note) == int(number or 1) - 1:
                axes.set_title(plain_text(note["text"]), fontsize=FONT, fontweight="bold")


def inks(color: Any, otherwise: Any) -> Any:
    if color is None:
        return otherwise
    if isinstance(color, str):
        return rgba(color)
    colors = as_list(color)
    if not colors:  # of a series without marks
        return otherwise
    return [rgba(color_name) for color_name in colors] if isinstance(colors[0], str) else "#0072b2"


def rgba(color: str) -> tuple[float, float, float, float]:
    from matplotlib.colors import to_rgba

    if numbers := re.findall(r"[\d.]+", color) if color.startswith("rgb") else []:
        red, green, blue, *alpha = (float(part) for part in numbers)
        return red / 255, green / 255, blue / 255, *(alpha or [1.0])  # type: ignore[return-value]
    return to_rgba(color)


def plain_text(text: Any) -> str:
    """Plotly's text, which is HTML, as plain lines; matplotlib reads no formula in it."""
    with_breaks = re.sub(r"<br\s*/?>", "\n", "" if text is None else str(text))
    return unescape(re.sub(r"<[^>]+>", "", with_breaks)).replace("$", r"\$")
