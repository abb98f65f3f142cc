"""`methods`, `models` and `data`: what can be asked, and of what."""

from __future__ import annotations

import json
from argparse import Namespace

from engine.commands.terminal import say


def methods(wanted: Namespace) -> None:
    """List the methods."""
    from engine.arguments.text import text_of
    from engine.commands.asking import described
    from engine.families import METHODS

    listed = [described(kind) for kind in METHODS]
    if wanted.json:
        say(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for one in listed:
        say(f"{one['family']}.{one['name']}  {one['title']} ({one['cost']})")
        names = " ".join(f"--{spec['name']}" for spec in one["arguments"])
        say(f"    about: {names}")
        for spec in one["settings"]:
            default = text_of(spec["default"])
            say(f"    {spec['name']}={default}  {spec['label']}: {spec['help']}")


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
        {"name": entry.name, "available": entry.available, "reason": entry.reason, "kind": "images"}
        | asdict(entry.card)
        for entry in entries()
    ]
    listed += [
        {"name": table.word, "available": True, "reason": "comes with Blindspot", "kind": "table"}
        | asdict(table.card)
        for table in tables()
    ]
    if wanted.json:
        say(json.dumps(listed, indent=1, ensure_ascii=False))
        return
    for row in listed:
        say(f"{'' if row['available'] else 'not now: '}{row['name']}  {row['about']}")
