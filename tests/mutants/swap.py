"""Puts a changed file's code into the functions that are loaded already."""

import ast
import gc
from collections.abc import Iterable, Iterator
from inspect import CO_OPTIMIZED
from types import CodeType, FunctionType

Name = tuple[str, int]  # qualified name, and which of that name


def pieces(code: CodeType) -> Iterator[CodeType]:
    """A code object and all inside it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from pieces(inner)


def by_name(code: CodeType) -> dict[Name, CodeType]:
    """Code objects by their names."""
    results: dict[Name, CodeType] = {}
    for piece in pieces(code):
        number = sum(name == piece.co_qualname for name, _ in results)
        results[piece.co_qualname, number] = piece
    return results


def content(code: CodeType) -> tuple[object, ...]:
    """What a piece does, without the pieces inside it."""
    plain = tuple(repr(c) for c in code.co_consts if not isinstance(c, CodeType))
    return code.co_code, plain, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars


def differ(path: str, source: str, tree: ast.Module) -> bool:
    """Whether the change leaves other code behind, in functions that can be swapped."""
    try:
        new = by_name(compile(tree, path, "exec"))
    except (SyntaxError, ValueError, TypeError):
        return False
    old = by_name(compile(source, path, "exec"))
    if old.keys() != new.keys():
        return False
    return any(
        content(old[name]) != content(new[name])
        and old[name].co_freevars == new[name].co_freevars
        and old[name].co_flags & CO_OPTIMIZED  # a function's; a class's body ran when imported
        for name in old
    )


def loaded(paths: Iterable[str]) -> dict[str, list[FunctionType]]:
    """The functions that are there of each file."""
    results: dict[str, list[FunctionType]] = {path: [] for path in paths}
    for instance in gc.get_objects():
        if type(instance) is FunctionType and instance.__code__.co_filename in results:
            results[instance.__code__.co_filename].append(instance)
    return results


def swap(path: str, source: str, tree: ast.Module, functions: Iterable[FunctionType]) -> int:
    """How many of the file's functions got their new code."""
    old = by_name(compile(source, path, "exec"))
    new = by_name(compile(tree, path, "exec"))
    places = {(code.co_qualname, code.co_firstlineno): name for name, code in old.items()}
    swapped = 0
    for function in functions:
        name = places.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if name in new and function.__code__.co_freevars == new[name].co_freevars:
            function.__code__ = new[name]
            swapped += 1
    return swapped
