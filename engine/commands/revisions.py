"""A lock on the revisions of shipped methods: whoever changes a method's code says so.

A shipped answer is found by its method's revision, so that code which computes something else under
the same revision shows people old numbers. The lock holds, for each method of the gallery, its
revision and a digest of its syntax tree with all that it reaches in its family. Left out of it is
what changes no number: docstrings, formatting, annotations, imports, and what a setting, a method
or a finding is called or says.
"""

import ast
import json
from collections.abc import Collection, Iterable, Iterator
from copy import deepcopy
from functools import cache
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.core.method import Method

# of a class: what is read or drawn, not computed
WORDS = {"finding", "title", "paper", "proof", "cost", "drawings", "main_drawing"}

Place = tuple[str, str]  # module and name of a definition
Lock = dict[str, dict[str, Any]]


class Computation(ast.NodeTransformer):
    """Leaves out of a definition what changes no number; `computing` has left out words."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without docstring and annotations."""
        node.returns = None
        return self.without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """A class without docstring."""
        return self.without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """A parameter without annotation."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """A variable without annotation."""
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """A setting without label and help."""
        if isinstance(node.func, ast.Name) and node.func.id == "setting":
            node.args, node.keywords = node.args[:2], []  # default and control
        return self.generic_visit(node)

    def without_docstring(self, node: Any) -> ast.AST:
        """A class or a function without its docstring."""
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        return self.generic_visit(node)


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """The names that a statement of a module or a class defines."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (
                node.id for t in targets for node in ast.walk(t) if isinstance(node, ast.Name)
            )
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            yield name


def unnamed(statement: ast.stmt) -> ast.stmt:
    """A field of a case without how it is named, which changes no number."""
    match statement:
        case ast.AnnAssign(value=ast.Call(func=ast.Name(id=name), keywords=keywords)) if (
            name == "named_by" or name.endswith("_field")
        ):
            default = (word.value for word in keywords if word.arg == "default")
            statement.value = next(default, None)
    return statement


def computing(statement: ast.stmt) -> ast.stmt:
    """A definition without a class's finding and words, and how a case's fields are named."""
    if isinstance(statement, ast.ClassDef):
        statement.body = [unnamed(part) for part in statement.body]
        statement.body = [
            part for part in statement.body if not WORDS.intersection(bound_by(part))
        ] or [ast.Pass()]
    return statement


def text_of(module: str) -> str:
    """The code of a module; "" of what is none, or not the engine's."""
    spec = find_spec(module) if module.startswith("engine") else None
    return Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""


@cache
def module_source(name: str) -> tuple[dict[str, list[ast.stmt]], dict[str, Place]]:
    """Definitions by name, and the places of what is imported; nothing of what is no module.

    The place of an imported module has no name.
    """
    definitions: dict[str, list[ast.stmt]] = {}
    imports: dict[str, Place] = {}
    for statement in ast.parse(text_of(name)).body:
        for defined in bound_by(statement):
            definitions.setdefault(defined, []).append(computing(statement))
        if isinstance(statement, ast.ImportFrom) and statement.module:
            for alias in statement.names:
                imports[alias.asname or alias.name] = statement.module, alias.name
    return definitions, imports


def is_module(name: str) -> bool:
    """Whether a dotted name below engine is a module."""
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@cache
def resolved(place: Place, family: str) -> Place | None:
    """Where a name is defined within the family, through what modules import from each other."""
    module, name = place
    if not f"{module}.".startswith((f"engine.{family}.", "engine.evaluation.")):
        return None
    definitions, imports = module_source(module)
    if name in definitions:
        return place
    if name in imports:
        return resolved(imports[name], family)
    return (f"{module}.{name}", "") if is_module(f"{module}.{name}") else None


@cache
def reached_by(place: Place, family: str) -> frozenset[Place]:
    """The places of the family that a definition names, those of its parameters' types too."""
    module, name = place
    definitions, _ = module_source(module)
    named: set[Place] = set()
    for node in (node for statement in definitions[name] for node in ast.walk(statement)):
        if isinstance(node, ast.ImportFrom) and node.module:  # inside a function
            named |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Name):
            named.add((module, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = resolved((module, node.value.id), family)
            if owner and not owner[1]:  # a module
                named.add((owner[0], node.attr))
    return frozenset(known for other in named if (known := resolved(other, family)))


@cache
def definition_digest(place: Place) -> str:
    """A digest of what a definition computes."""
    definitions, _ = module_source(place[0])
    trees = [Computation().visit(deepcopy(statement)) for statement in definitions[place[1]]]
    return blake2b("".join(map(ast.dump, trees)).encode(), digest_size=16).hexdigest()


def tree_digest(kind: type[Method[Any]]) -> str:
    """A digest of the syntax tree of a method and of all that it reaches in its family."""
    family = kind.__module__.split(".")[1]
    found: set[Place] = set()
    waiting = [(kind.__module__, kind.__name__)]
    while waiting:
        place = waiting.pop()
        if place[1] and place not in found:
            found.add(place)
            waiting += reached_by(place, family)
    digests = sorted(map(definition_digest, found))  # without places: files may move
    return blake2b("".join(digests).encode(), digest_size=16).hexdigest()


def locked(path: Path) -> Lock:
    """What a lock holds: revision and tree by a method's full name."""
    lock: Lock = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return lock


def facts_of(kind: type[Method[Any]]) -> dict[str, Any]:
    """What the lock holds of a method as it is now."""
    return {"revision": kind.revision, "tree": tree_digest(kind)}


def write_lock(
    path: Path, kinds: Iterable[type[Method[Any]]], confirmed: Collection[str] = ()
) -> None:
    """Lock these methods alone; one that was locked is left as it was, so that its change shows.

    Args:
        path: of the lock.
        kinds: all methods whose answers ship.
        confirmed: full names of those whose shipped answers were computed again and are the same.
    """
    before = locked(path)
    lock: Lock = {}
    for kind in sorted(kinds, key=lambda kind: kind.full_name()):
        name = kind.full_name()
        kept = before.get(name)
        is_kept = kept and kept["revision"] == kind.revision and name not in confirmed
        lock[name] = kept if kept and is_kept else facts_of(kind)
    rows = [f"{json.dumps(name)}: {json.dumps(facts)}" for name, facts in lock.items()]
    path.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def loaded_methods(kind: type[Method[Any]] = Method) -> Iterator[type[Method[Any]]]:
    """All methods of the modules that were imported, those that no view lists too."""
    for other in kind.__subclasses__():
        yield from loaded_methods(other)
        if hasattr(other, "name") and hasattr(other, "family"):
            yield other


def unconfirmed(path: Path) -> list[str]:
    """A sentence for each locked method that is not as it was locked."""
    known = {kind.full_name(): kind for kind in loaded_methods()}
    sentences = []
    for name, facts in locked(path).items():
        kind = known.get(name)
        if kind is None:
            sentences.append(f"{name} is gone: run make gallery.")
        elif kind.revision != facts["revision"]:
            sentences.append(f"{name} has revision {kind.revision}: run make gallery.")
        elif tree_digest(kind) != facts["tree"]:
            sentences.append(
                f"{name} was changed under revision {kind.revision}: raise it if it computes "
                f"other numbers, else run make gallery ARGS='--confirm {kind.name}'."
            )
    return sentences
