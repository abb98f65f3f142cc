"""What a blind-spot network sees and gains: charts and their sentences."""

from engine.core.charts.bars import Bars
from engine.core.charts.curves import all_lines
from engine.core.charts.drawing import Drawing, Views
from engine.core.result import Table


def neighbor_words(result: Views) -> str:
    """What pixels side by side share, before and after the noise is broken up."""
    table: Table = result["autocorrelation"]
    parts = (f"{name} {table[name][1]:z.2f}" for name in table.order[1:])
    return f"Correlation of pixels side by side: {', '.join(parts)}.".replace("-", "−")


def psnr_words(result: Views) -> str:
    """What each image comes to."""
    table: Table = result["psnr"]
    parts = (f"{row} {table.cell(row, 'PSNR'):.1f} dB" for row in table.rows)
    return f"PSNR: {', '.join(parts)}."


def over_steps(view: str, title: str, axis: str) -> Drawing:
    """A line for each column over the steps of a training, and what it comes to."""

    def words(result: Views) -> str:
        table: Table = result[view]
        parts = (f"{name} {table[name][-1]:.1f} dB" for name in table.order[1:])
        return f"After {table['steps'][-1]:.0f} steps: {', '.join(parts)}.".replace(" -", " −")

    return Drawing(view, title, lambda result: all_lines(result[view], axis), words)


NETWORK = (
    Drawing("hole", "What an output pixel sees"),
    Drawing(
        "autocorrelation",
        "Is the noise broken up?",
        lambda result: all_lines(
            result["autocorrelation"], "correlation", line=0.0, x_title="distance (px)"
        ),
        neighbor_words,
    ),
)
OF_EXPERIMENT = (
    *NETWORK,
    over_steps(
        "gained", "Gained over the noisy images, by steps (first seed)", "dB above the noisy images"
    ),
)
OF_IMAGE = (
    Drawing("others", "Beside it: the blind spot's output, and filters", wide=True),
    Drawing(
        "psnr",
        "How near each comes to the image before the noise",
        Bars(value="PSNR", title="PSNR (dB), more is nearer"),
        psnr_words,
    ),
    over_steps("steps", "PSNR while it learned", "PSNR (dB)"),
    *NETWORK,
)
