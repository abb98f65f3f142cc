"""What a link may hold that nobody means, by kind; the same in each run."""

from collections.abc import Sequence

from benchmarks.soak.visitor import LinkedWidget

Words = Sequence[str | bytes]

EVERYWHERE: dict[str, Words] = {  # given to all parameters of a view at once
    "empty": [""],
    "twice the same": ["1", "1"],
    "empty and empty": ["", ""],
    "foreign word": ["logit"],
    "wrong type": ["3.7"],
    "below zero": ["-1"],
    "yes": ["TRUE"],
    "unicode": ["😀\u202e\ufffd٣"],
    "zero byte": ["a\x00b"],
    "lone surrogate": [b"\xed\xa0\x80"],
    "1e999": ["1e999"],
    "nan": ["nan"],
    "inf": ["inf"],
    "-inf": ["-inf"],
    "4,000 digits": ["1" + "0" * 4000],
    "5,000 digits": ["9" * 5000],
    "script": ["<script>alert(1)</script><img src=x onerror=alert(1)>"],
    "LaTeX": ["$\\LaTeX$ $$\\frac{1}{0}"],
    "Markdown": ["[a](http://127.0.0.1:9) ![b](http://127.0.0.1:9/b.png) # `c`"],
    "directives": [":material/home: :red[x] :blue-background[y] :name[z]{"],
    "path": ["../../../../etc/passwd"],
    "somebody's data": ["upload-0123456789abcdef"],
    "somebody's model": ["Own weights 4f5182"],
    "somebody's session": ["8a1b6a52-7c3e-4a0f-9a43-2f53b1f6a8f0"],
    "somebody's answer": ["b7" * 16],
}
ALONE: dict[str, Words] = {  # too long for all parameters of a view at once
    "900 values": [str(number) for number in range(900)],
    "900 times empty": [""] * 900,
    "100 kB": ["x" * 100_000],
}
# from what the widget offers
WIDGET_VALUES = ("two of its own", "its own and empty", "its own and foreign")
ESSENTIAL = ("empty", "1e999", "script", *WIDGET_VALUES[:1])  # each of them broke a view once
EACH_SORT = ("empty", "twice the same", "foreign word", "1e999", "5,000 digits", "script")
EACH_SORT += ("somebody's data",)
KINDS = (*EVERYWHERE, *WIDGET_VALUES, *ALONE)


def link_values(kind: str, widget: LinkedWidget | None) -> Words:
    if kind not in WIDGET_VALUES:
        return (EVERYWHERE | ALONE)[kind]
    options = widget.options if widget and widget.options else ("1", "2")
    first, last = options[0], options[-1]
    return ([first, last], [last, ""], [last, "logit"])[WIDGET_VALUES.index(kind)]
