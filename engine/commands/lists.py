"""`methods`, `models` and `data`: what can be asked, and of what."""

import json
from argparse import Namespace

from engine.commands.terminal import say


def methods(arguments: Namespace) -> None:
    """List the methods."""
    from engine.commands.asking import method_schema
    from engine.commands.families import METHODS
    from engine.core.texts import text_of

    descriptions = [method_schema(kind) for kind in METHODS]
    if arguments.json:
        say(json.dumps(descriptions, indent=1, ensure_ascii=False))
        return
    for description in descriptions:
        say(
            f"{description['family']}.{description['name']}  {description['title']} "
            f"({description['cost']})"
        )
        names = " ".join(f"--{spec['name']}" for spec in description["arguments"])
        say(f"    about: {names}")
        for spec in description["settings"]:
            default = text_of(spec["default"])
            say(f"    {spec['name']}={default}  {spec['label']}: {spec['help']}")


def models(wanted: Namespace) -> None:
    """List the models."""
    from dataclasses import asdict

    from engine.vision.models.catalog import entries

    descriptions = [asdict(entry) for entry in entries()]
    if wanted.json:
        say(json.dumps(descriptions, indent=1, ensure_ascii=False))
        return
    for description in descriptions:
        size = f", {description['nbytes'] / 1000:.0f} kB" if description["nbytes"] else ""
        begin = "    " * description["depth"] if description["available"] else "not now: "
        say(f"{begin}{description['name']}  {description['title']}: {description['reason']}{size}")
        for what, figure in description["figures"].items():
            say(f"{'    ' * description['depth']}    {what}: {figure:.3f}")
    say("Any other timm architecture can be named too; --weights reads a file of your own.")


def data(wanted: Namespace) -> None:
    """List the data sets."""
    from dataclasses import asdict

    from engine.vision.data import entries, tables

    descriptions = [
        {"name": entry.name, "available": entry.available, "reason": entry.reason, "kind": "images"}
        | asdict(entry.card)
        for entry in entries()
    ]
    descriptions += [
        {"name": table.word, "available": True, "reason": "comes with Blindspot", "kind": "table"}
        | asdict(table.card)
        for table in tables()
    ]
    if wanted.json:
        say(json.dumps(descriptions, indent=1, ensure_ascii=False))
        return
    for row in descriptions:
        say(f"{'' if row['available'] else 'not now: '}{row['name']}  {row['about']}")
