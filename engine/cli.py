"""The command line: the same engine, for scripts.

The shapes of what is printed and written as JSON are a contract; changing them needs a changelog
entry. Status 0 says that everything asked for was computed, 2 that something asked was wrong, 1
that something went wrong here: then one line on stderr says what. Nothing heavy is imported before
it is known what is wanted.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from engine.errors import BlindspotError

WRONG = 2  # exit status of bad arguments and unreadable input
FAULT = 1  # exit status of an error that nobody foresaw
TRACE = "BLINDSPOT_TRACE"  # set it to see where
STOPPED = 130  # exit status of Ctrl+C, as shells have it
READINGS = ("logit", "probability", "margin")


class Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the line and leave."""
        self.exit(WRONG, f"{self.prog}: {' '.join(message.split())}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; the exit status."""
    wanted = parser().parse_args(arguments)
    command: Callable[[Namespace], None] = wanted.command
    try:
        command(wanted)
    except BlindspotError as error:
        return wrong(str(error))
    except BrokenPipeError:  # the reader has seen enough
        sys.stderr.close()
        return WRONG
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        return wrong(f"{named}{error.strerror or error}")
    except KeyboardInterrupt:
        wrong("stopped")
        return STOPPED
    except Exception as error:
        if os.environ.get(TRACE):
            raise
        wrong(f"a fault of ours: {type(error).__name__}: {error}. {TRACE}=1 shows where.")
        return FAULT
    return 0


def wrong(words: str) -> int:
    """One line on stderr."""
    sys.stderr.write(f"python -m engine: {' '.join(words.split())}\n")
    return WRONG


def say(words: str) -> None:
    """A line of the answer."""
    sys.stdout.write(f"{words}\n")


def parser() -> Parser:
    """What can be asked."""
    top = Parser(prog="python -m engine", description="Blindspot's engine from the command line.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, command, words in (
        ("methods", methods, "every method, with its settings and their ranges"),
        ("models", models, "the models that can be chosen here, and why one cannot"),
        ("data", data, "the data sets that can be chosen here"),
    ):
        listing = commands.add_parser(name, help=words, description=words.capitalize() + ".")
        listing.add_argument("--json", action="store_true", help="as JSON, for scripts")
        listing.set_defaults(command=command)
    asking = commands.add_parser(
        "run",
        help="ask a method about a picture",
        description="Ask a method about a picture; result.json, arrays and pictures are written.",
    )
    ask_options(asking)
    weights = commands.add_parser(
        "weights",
        help="train a model that ships again from its recipe",
        description="Train a model that ships again from its recipe, and print its figures.",
    )
    retrain_options(weights)
    coverage = commands.add_parser("coverage", help="rewrite docs/coverage.md")
    coverage.set_defaults(command=cover)
    gallery = commands.add_parser("gallery", help="compute the answers that ship with the samples")
    ship_options(gallery)
    return top


def ask_options(run: ArgumentParser) -> None:
    """How a method is asked."""
    run.add_argument("method", metavar="FAMILY.Name", help="as listed by: python -m engine methods")
    run.add_argument("--image", help="a picture file, sample:NAME, or example:DATA/ID")
    run.add_argument("--data", metavar="NAME", help="a data set, for experiments")
    run.add_argument(
        "--against", nargs="+", default=[], metavar="IMAGE",
        help="other images, for methods that compare or walk to them",
    )  # fmt: skip
    run.add_argument("--model", help="a name from the list of models, or a timm architecture")
    run.add_argument(
        "--weights", type=Path, help="weights of your own, .safetensors or .pt, for the --model"
    )
    run.add_argument("--labels", type=Path, help="their class names, one a line or a JSON list")
    run.add_argument("--target", help="class number or name; the most likely one when left out")
    run.add_argument("--versus", help="another class: why the target rather than this one")
    run.add_argument("--reading", choices=READINGS, default="logit", help="what is scored")
    run.add_argument("--precision", choices=("exact", "fast"), default="exact")
    run.add_argument("--seed", type=int, default=0, help="of every random number")
    run.add_argument(
        "--set", nargs="+", action="extend", default=[], metavar="NAME=VALUE", dest="settings",
        help="settings of the method, such as steps=64",
    )  # fmt: skip
    run.add_argument("--out", type=Path, required=True, help="the folder to write into")
    run.set_defaults(command=ask)


def retrain_options(weights: ArgumentParser) -> None:
    """How a model that ships is trained again."""
    weights.add_argument(
        "name",
        metavar="NAME",
        help="as in assets/weights/recipes.toml, or tiny-vlm or scenes-things",
    )
    weights.add_argument(
        "--out", type=Path, help="the folder to write it into; assets/weights when left out"
    )
    weights.add_argument("--seed", type=int, help="another seed than the recipe's; tiny-vlm only")
    weights.set_defaults(command=retrain)


def ship_options(gallery: ArgumentParser) -> None:
    """How the answers that ship are computed."""
    gallery.add_argument(
        "--again", nargs="+", action="extend", default=[], metavar="METHOD",
        help="compute these anew although they are there, such as Study for its seconds",
    )  # fmt: skip
    gallery.set_defaults(command=ship)


def methods(wanted: Namespace) -> None:
    """List the methods."""
    from engine.asking import described
    from engine.families import METHODS

    listed = [described(kind) for kind in METHODS]
    if wanted.json:
        say(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for one in listed:
        reason = f"; not from the command line: {one['cannot_run']}" if one["cannot_run"] else ""
        say(f"{one['family']}.{one['name']}  {one['title']} ({one['cost']}){reason}")
        for spec in one["settings"]:
            say(f"    {spec['name']}={spec['default']}  {spec['label']}: {spec['help']}")


def models(wanted: Namespace) -> None:
    """List the models."""
    from dataclasses import asdict

    from engine.models.catalog import entries

    listed = [asdict(entry) for entry in entries()]
    if wanted.json:
        say(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for one in listed:
        size = f", {one['nbytes'] / 1000:.0f} kB" if one["nbytes"] else ""
        begin = "    " * one["depth"] if one["available"] else "not now: "
        say(f"{begin}{one['name']}  {one['title']}: {one['reason']}{size}")
        for what, figure in one["figures"].items():
            say(f"{'    ' * one['depth']}    {what}: {figure:.3f}")
    say("Any other timm architecture can be named too; --weights reads a file of your own.")


def data(wanted: Namespace) -> None:
    """List the data sets."""
    from dataclasses import asdict

    from engine.data import entries, tables

    listed = [
        {"name": one.name, "available": one.available, "reason": one.reason, "kind": "images"}
        | asdict(one.card)
        for one in entries()
    ]
    listed += [
        {"name": one.word, "available": True, "reason": "comes with Blindspot", "kind": "table"}
        | asdict(one.card)
        for one in tables()
    ]
    if wanted.json:
        say(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for row in listed:
        say(f"{'' if row['available'] else 'not now: '}{row['name']}  {row['about']}")


def ask(wanted: Namespace) -> None:
    """Ask a method about a picture and write the answer."""
    from engine.asking import asked, settled
    from engine.output import write
    from engine.run import answer

    method = settled(wanted.method, wanted.settings)
    case = asked(wanted, type(method))
    wanted.out.mkdir(parents=True, exist_ok=True)  # before an hour of computing, not after it
    shown = answer(method, case, progress)
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    facts = case.facts()
    about = facts.get("target") or facts["data"]
    say(f"{method.title}, {about}: {write(shown, case, wanted.out)}")


def progress(done: float, words: str = "", partial: object = None) -> None:  # noqa: ARG001
    """A line that is written over, where somebody watches."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{done:4.0%} {words}")
        sys.stderr.flush()


def ship(wanted: Namespace) -> None:
    """Compute the answers that ship with the samples."""
    from engine.gallery import make
    from engine.run import GALLERY

    say(f"{make(wanted.again)} answers are in {GALLERY}")


def retrain(wanted: Namespace) -> None:
    """Train a model that ships again."""
    from engine.attribution.study import things
    from engine.hallucination.tiny_vlm import weights as tiny_vlm
    from engine.models.embedded import FOLDER, file_of, plan
    from engine.models.embedded import retrain as again

    folder = wanted.out or FOLDER
    if wanted.name == tiny_vlm.NAME:
        made = tiny_vlm.retrain(folder, tiny_vlm.planned(wanted.seed), progress)
        found = [(one.title, one.path, one.figures) for one in made]
    elif wanted.name == things.NAME:
        card = things.retrain(folder, progress)
        found = [(card.title, file_of(wanted.name, folder), card.figures)]
    else:
        name = plan(wanted.name).name
        card = again(name, folder, progress)
        found = [(card.title, file_of(name, folder), card.figures)]
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    for title, path, figures in found:
        say(f"{title}: {path}, {path.stat().st_size / 1000:.0f} kB")
        for what, figure in figures.items():
            say(f"    {what}: {figure:.4f}")


def cover(_wanted: Namespace) -> None:
    """Rewrite docs/coverage.md."""
    from engine.coverage import FILE, page

    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(page(), encoding="utf-8")
    say(str(FILE))
