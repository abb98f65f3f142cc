"""The pages of docs/: one for each question, whose pictures and links lead somewhere."""

import re
from pathlib import Path

import pytest
from PIL import Image

from components.views import VIEWS
from tests.browser.shots import LOOKS, QUESTIONS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ROOT_PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in ROOT_PAGES), *sorted(DOCS.glob("*.md"))]
OVERVIEW = "Overview"
MENUS = {entry.menu: [view for view in VIEWS if view.menu == entry.menu] for entry in VIEWS}
HEADINGS = ("The question", "What you see first", "How to read it", "What not to conclude")
HEADINGS += ("The views",)
PICTURE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
MOST = 250_000  # bytes of a picture


def named(page: Path) -> list[tuple[str, Path]]:
    """The pictures that a page shows: what is said of each, and its file."""
    return [(words, page.parent / file) for words, file in PICTURE.findall(page.read_text("utf-8"))]


def anchors(page: Path) -> set[str]:
    """What a link can lead to within a page."""
    heads = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def question(menu: str) -> Path:
    return DOCS / f"{menu.lower()}.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_and_links_to_is_there(page: Path) -> None:
    for words, file in named(page):
        assert words, f"{file.name} is not described"
        assert file.is_file(), f"{page.name} shows {file.name}, which is not there"
    for target in LINK.findall(page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if re.match("[a-z]+:", path):
            continue
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{page.name} links to {path}, which is not there"
        assert not anchor or anchor in anchors(other), f"{page.name} links to {target}"


def test_the_pictures_are_those_of_the_script_and_small() -> None:
    picture_names = {f"{name}.png" for name in QUESTIONS}
    assert {file.name for file in DOCS.glob("*.png")} == picture_names
    assert {file.name for page in PAGES for _, file in named(page)} == picture_names
    size = LOOKS["light"]["viewport"]
    for name in picture_names:
        file = DOCS / name
        assert file.stat().st_size <= MOST, name
        assert Image.open(file).size == (size["width"], size["height"])


@pytest.mark.parametrize("menu", [menu for menu in MENUS if menu != OVERVIEW])
def test_every_question_has_its_page_which_tells_of_all_its_views(menu: str) -> None:
    text = question(menu).read_text("utf-8")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert tuple(heads[: len(HEADINGS)]) == HEADINGS
    views = text.partition(f"## {HEADINGS[-1]}\n")[2].partition("\n## ")[0]
    assert not [view.title for view in MENUS[menu] if view.title not in views]
    first = text.partition(f"## {HEADINGS[1]}\n")[2].partition("\n## ")[0]
    (_, file), *_ = PICTURE.findall(first)
    assert QUESTIONS[Path(file).stem].menu == menu
    assert f"(docs/{question(menu).name})" in (ROOT / "README.md").read_text("utf-8")
