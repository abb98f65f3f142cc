"""`run FAMILY.Name …`: ask a method, with the arguments that its case declares."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.terminal import Parser, clear_line, progress, say, wrong

if TYPE_CHECKING:
    from engine.core.method import Method

OF_SCAN = {
    "plane": "The direction of the slices",
    "slice": "The slice, from 1,",
    "volume": "The volume, from 1,",
    "window": "The window by name, such as Brain,",
    "center": "The middle of the window",
    "width": "The width of the window",
}
USAGE = "run FAMILY.Name [--NAME VALUE …] [--set NAME=VALUE …] --out FOLDER"


def ask(wanted: Namespace) -> None:
    """Ask a method and write the answer."""
    from engine.commands.asking import method_named, question, settings_given
    from engine.commands.fitting import default_note
    from engine.commands.output import folder_of, write
    from engine.core.errors import BlindspotError
    from engine.core.method import case_kind
    from engine.core.run import answer, job_title
    from engine.vision.images.named import WORDS, with_view

    kind = method_named(wanted.method)
    options = vars(parser_of(kind).parse_args(wanted.words))
    out, pairs = options.pop("out"), options.pop("set")
    of_scan = {name: options.pop(f"scan_{name}", None) for name in WORDS}
    if any(of_scan.values()):
        if not options.get("image"):
            raise BlindspotError("Say with --image which scan the slice and the window are of.")
        options["image"] = with_view(options["image"], of_scan)
    named = {name: option for name, option in options.items() if option is not None}
    method, arguments = question(kind, named, settings_given(kind, pairs))
    case = case_kind(kind).read(arguments)
    method.check(case)
    if words := default_note(arguments, case, named):
        wrong(words)
    folder = folder_of(method, case, out)
    folder.mkdir(parents=True, exist_ok=True)  # before an hour of computing, not after it
    result = answer(method, case, progress)
    clear_line()
    if words := method.finding(case, result):
        say(words)
    say(f"{job_title(method, case)}: {write(result, case, folder)}")


def parser_of(kind: type[Method[Any]]) -> Parser:
    """The options of a method: the arguments of its case, its settings, and the folder."""
    from engine.core.method import case_kind
    from engine.vision.images.named import WORDS

    parser = Parser(
        prog=f"python -m engine run {kind.full_name()}",
        description=kind.about().split("\n\n")[0],
        allow_abbrev=False,
    )
    specs = case_kind(kind).specs()
    for name, spec in specs.items():
        add(parser, name, spec, kind.argument_defaults.get(name, spec.default))
    case_specs = [spec for spec in fields(kind) if spec.name not in specs]
    for spec in case_specs:
        add(parser, spec.name, spec, spec.default)
    taken = {*specs, *(spec.name for spec in case_specs)}
    for name in WORDS if "image" in taken else ():
        if name not in taken:
            parser.add_argument(
                f"--{name}", dest=f"scan_{name}", metavar="VALUE", help=f"{OF_SCAN[name]} of a scan"
            )
    parser.add_argument(
        "--set",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME=VALUE",
        help="settings of the method, such as steps=64",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="the folder to write into; each answer has a folder of its own in it",
    )
    return parser


def add(parser: Parser, name: str, spec: Any, default: Any) -> None:
    """An option; its text is read by the control that the field declares."""
    from engine.core.texts import text_of

    is_plural = isinstance(default, tuple)
    off = getattr(spec.metadata["control"], "off", "")
    default_text = off if default is None else " ".join(default) if is_plural else text_of(default)
    words = spec.metadata["help"] + (f" Default: {default_text}." if default_text else "")
    parser.add_argument(
        f"--{name}",
        nargs="+" if is_plural else None,
        metavar="VALUE",
        help=words.replace("%", "%%"),
    )
