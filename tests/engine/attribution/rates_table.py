"""The table of error rates in docs/attribution.md, made from the figures in docs/measured.md.

`python -m tests.engine.attribution.rates_table` writes it; a test fails while the two differ.
"""

from tests.measured import PAGE, ROOT, ROW

DOC = ROOT / "docs" / "attribution.md"
IMAGES = ("MNIST", "phantoms", "photographs")
START, END = "<!-- error rates: begin -->", "<!-- error rates: end -->"
HEAD = "| trial | map | " + " | ".join(IMAGES) + " |\n" + "| --- " * (2 + len(IMAGES)) + "|\n"


def row_name(trial: str, images: str, what: str) -> str:
    """What a figure is called in docs/measured.md."""
    return f"Trust ▸ {trial} on {images}: {what}"


def table() -> str:
    """A row for each trial and map, a column for each kind of images."""
    cells: dict[tuple[str, str], dict[str, str]] = {}
    for name, value, _ in ROW.findall(PAGE.read_text(encoding="utf-8")):
        if name.startswith("Trust ▸ "):
            trial, rest = name.removeprefix("Trust ▸ ").split(" on ", 1)
            images, what = rest.split(": ", 1)
            cells.setdefault((trial, what), {})[images] = value
    rows = [
        f"| {trial} | {what} | " + " | ".join(cell.get(image, "—") for image in IMAGES) + " |\n"
        for (trial, what), cell in cells.items()
    ]
    return HEAD + "".join(rows)


def written() -> str:
    """The table as it stands in the page."""
    text = DOC.read_text(encoding="utf-8")
    return text.split(START, 1)[1].split(END, 1)[0].strip("\n") + "\n"


def update() -> None:
    """Put the table into the page."""
    before, rest = DOC.read_text(encoding="utf-8").split(START, 1)
    DOC.write_text(f"{before}{START}\n{table()}{END}{rest.split(END, 1)[1]}", encoding="utf-8")


if __name__ == "__main__":
    update()
