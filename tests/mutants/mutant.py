"""Mutants of a file: every small change that can be made in it, named, and each in a tree."""

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count

from tests.mutants.grow import SPEAKING, inside, variants


@dataclass(frozen=True)
class Mutant:
    """One change: the node at a place of the tree, and which of its variants."""

    file: str
    function: str
    line: int
    old: str
    new: str
    place: int
    variant: int
    nth: int = 0  # of those that read alike
    around: str = ""  # for a number, what it stands in, before and after

    @property
    def name(self) -> str:
        """What stays the same when other lines of the file change."""
        return f"{self.file} {self.function}: {self.old} => {self.new}"

    @property
    def shown(self) -> str:
        """For a person, and in the list of those that change nothing."""
        return f"{self.file} {self.function}: {self.around}" if self.around else self.name

    def rank(self, seed: int) -> str:
        """The order in which a sample draws."""
        key = f"{seed} {self.name}" + (f" {self.nth}" if self.nth else "")
        return blake2b(key.encode(), digest_size=8).hexdigest()


def functions(tree: ast.AST, above: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function with its qualified name, as Python writes it."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield above + node.name, node
            yield from functions(node, f"{above}{node.name}.<locals>.")
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{above}{node.name}.")
        else:
            yield from functions(node, above)


def short(node: ast.AST) -> str:
    """A node as text; of a block only its head."""
    return ast.unparse(node).split("\n", maxsplit=1)[0][:120]


def mutants(file: str, source: str) -> list[Mutant]:
    """Every mutant of a file."""
    results: list[Mutant] = []
    alike: Counter[str] = Counter()
    places = count()
    for function, node in functions(ast.parse(source)):
        if function.rsplit(".", 1)[-1] in SPEAKING:
            continue
        for inner in inside(node):
            place = next(places)
            for number, new in enumerate(variants(inner)):
                line = getattr(inner, "lineno", node.lineno)
                mutant = Mutant(file, function, line, short(inner), short(new), place, number)
                context = in_place(node, inner, new) if isinstance(inner, ast.Constant) else ""
                results.append(replace(mutant, nth=alike[mutant.name], around=context))
                alike[mutant.name] += 1
    return results


def in_place(function: ast.AST, old: ast.AST, new: ast.AST) -> str:
    """The part of a function that holds a node, before and after."""
    parent = next(node for node in ast.walk(function) if old in ast.iter_child_nodes(node))
    before = short(parent)
    Change(old, new).visit(parent)
    after = short(parent)
    Change(new, old).visit(parent)
    return f"{before} => {after}"


class Change(ast.NodeTransformer):
    """Puts one node in place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """The new node where the old one stood."""
        return self.new if node is self.old else self.generic_visit(node)


def grown(source: str, mutant: Mutant) -> ast.Module:
    """The file's tree with the change in it."""
    tree, places = ast.parse(source), count()
    for function, node in functions(tree):
        if function.rsplit(".", 1)[-1] in SPEAKING:
            continue
        for inner in inside(node):
            if next(places) == mutant.place:
                new = list(variants(inner))[mutant.variant]
                changed_tree = Change(inner, ast.copy_location(new, inner)).visit(tree)
                return ast.fix_missing_locations(changed_tree)
    raise LookupError(f"{mutant.name} is no longer there")
