"""A shared model is borrowed and given back as it was, whatever happens in between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from torch import nn

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Table = dict[Any, Any]

_borrowing = threading.local()
_locks: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()
_locks_lock = threading.Lock()


def borrowing() -> bool:
    """Whether this thread holds a borrowed model, so that nobody else may use it now."""
    return getattr(_borrowing, "depth", 0) > 0


def holding(model: nn.Module) -> threading.RLock:
    """The lock of a model: `with holding(model)` no other thread runs it or hangs hooks on it.

    A classifier and the network in it have one lock.
    """
    key = getattr(model, "network", model)
    with _locks_lock:
        return _locks.setdefault(key, threading.RLock())


@contextmanager
def borrowed(model: ModuleT) -> Iterator[ModuleT]:
    """The model in eval mode; on the way out mode, flags, gradients and hooks are as before.

    Plain attributes of submodules that a method replaces (such as timm's `fused_attn`), and
    submodules, parameters and buffers that it swaps, are put back too. Weights are not copied: a
    method that changes weights works on its own copy. Other threads wait with their forward
    passes until the model is given back.
    """
    with holding(model):
        modules = list(model.modules())
        attributes_before = [(module, dict(module.__dict__)) for module in modules]
        tables = [(table, dict(table)) for module in modules for table in registries(module)]
        tables += [(hooks, dict(hooks)) for p in model.parameters() if (hooks := hooks_of(p))]
        parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
        _borrowing.depth = getattr(_borrowing, "depth", 0) + 1
        try:
            model.eval()
            yield model
        finally:
            _borrowing.depth -= 1
            for module, attributes in attributes_before:
                for name in set(module.__dict__) - set(attributes):
                    if not is_lazy(module, name):
                        del module.__dict__[name]
                module.__dict__.update(attributes)
            table_ids = {id(table) for table, _ in tables}
            for table, entries in tables:
                put_back(table, entries)
            for parameter, requires_grad, grad in parameters:
                # torch makes this table at a parameter's first hook: there was none to remember
                if id(hooks := hooks_of(parameter)) not in table_ids:
                    hooks.clear()
                parameter.requires_grad_(requires_grad)
                parameter.grad = grad


def put_back(table: Table, entries: Table) -> None:
    """Make a table what it was. What stands in it stays there: another thread may be reading."""
    for name in [name for name in table if name not in entries]:
        del table[name]
    table.update(entries)
    if [*table] != [*entries]:  # what was taken out meanwhile stands last now
        for name, entry in entries.items():
            del table[name]
            table[name] = entry


def registries(module: nn.Module) -> Iterator[Table]:
    """The tables in which a module keeps its children, parameters, buffers and hooks."""
    for name, table in module.__dict__.items():
        if isinstance(table, dict) and (
            "_hooks" in name or name in {"_modules", "_parameters", "_buffers"}
        ):
            yield table


def hooks_of(parameter: nn.Parameter) -> Table:
    hooks: Table | None = parameter._backward_hooks
    return {} if hooks is None else hooks


def is_lazy(module: nn.Module, name: str) -> bool:
    """Whether the attribute is a value made once on first use, which may stay."""
    return isinstance(getattr(type(module), name, None), cached_property)


def hookless_copy(model: ModuleT) -> ModuleT:
    """A copy without hooks of a model that may have been in use.

    New tables stand in for those of the hooks, of which each layer has a dozen: copying them takes
    `deepcopy` more than a quarter of its time.
    """
    tables = [table for module in model.modules() for table in hook_tables(module)]
    return deepcopy(model, {id(table): type(table)() for table in tables})


def hook_tables(module: nn.Module) -> Iterator[Table]:
    """The tables in which a module keeps its hooks."""
    for name, table in module.__dict__.items():
        if "_hooks" in name and isinstance(table, dict):
            yield table
