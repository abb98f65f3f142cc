"""Forward efficiency: the needed forward passes at the model's best pace ÷ the method's time.

Exact and fast on the model as it comes; where it can be compiled, against compiled passes too.
"""

from collections.abc import Iterator

from benchmarks.setting import case, compiled, forwards
from benchmarks.table import BenchmarkRow
from benchmarks.timing import paired
from engine.attribution.heatmaps.kernel_shap import KernelShap
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.rise import Rise
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.core.method import Method, Precision
from engine.vision.case import ImageCase

GOAL = 0.90
COMPILED = 1 / 1.1  # within 1.1 times the compiled limit
METHODS: tuple[Method[ImageCase], ...] = (
    Occlusion(side=32, overlap=0.5),
    Rise(masks=200),
    KernelShap(samples=200),
    ScoreCam(),
)


def calls(method: Method[ImageCase]) -> int:
    """How many forward passes a method needs, counted while it runs."""
    model = case().model
    model.pace("exact")
    seen = 0

    def count(_module: object, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        seen += len(arguments[0])  # type: ignore[arg-type]  # a batch of pixels

    handle = model.register_forward_pre_hook(count)
    try:
        method(case())
    finally:
        handle.remove()
    return seen


def rows(rounds: int) -> Iterator[BenchmarkRow]:
    """Each black-box method in both precisions, and compiled."""
    precisions: tuple[Precision, ...] = (
        ("exact", "fast") if case().model.offers_fast else ("exact",)
    )
    for method in METHODS:
        needed = calls(method)
        for precision in precisions:
            if precision == "fast" and not method.fast:
                continue
            question = case(precision)
            yield paired(
                f"{method.title}, {precision}",
                lambda method=method, question=question: method(question),  # type: ignore[misc]
                lambda needed=needed, precision=precision: forwards(needed, precision),  # type: ignore[misc]
                "its own forwards",
                GOAL,
                rounds,
                f"{needed} forwards",
            )
        if question := compiled():
            yield paired(
                f"{method.title}, exact, compiled",
                lambda method=method, question=question: method(question),  # type: ignore[misc]
                lambda needed=needed, question=question: forwards(needed, model=question.model),  # type: ignore[misc]
                "its own forwards, compiled",
                COMPILED,
                rounds,
                f"{needed} forwards",
            )
