"""Small wrong changes to a file's functions, made from its syntax tree: one change, one mutant.

Left alone: words (strings, messages, errors, log and progress), annotations, defaults and
decorators (they are run when a file is imported, before a mutant is put in), guards below 1e-6,
and `strict` of zip, which is an assertion.
"""

import ast
import copy
from collections.abc import Iterator

OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
PAIRS = (
    ("min", "max"),
    ("amin", "amax"),
    ("minimum", "maximum"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
    ("zeros", "ones"),
    ("zeros_like", "ones_like"),
    ("sum", "mean"),
    ("std", "var"),
)
SWAPS = dict(PAIRS) | {b: a for a, b in PAIRS}
DROPPED = frozenset(
    [
        "abs",
        "clamp",
        "clip",
        "relu",
        "sqrt",
        "exp",
        "log",
        "square",
        "flip",
        "softmax",
        "log_softmax",
        "sigmoid",
        "round",
        "sorted",
        "reversed",
    ]
)
WORDS = frozenset({"progress", "part_of", "told"})  # what is told on the way
FORMS = frozenset({"Slider", "Choice", "setting"})  # made when a file is imported
SPEAKING = frozenset({"__repr__", "__str__", "unmet", "lacks", "said"})
GUARD = 1e-6


def called(node: ast.AST) -> str:
    """The last name of what is called."""
    match node:
        case ast.Call(func=ast.Name(id=name)) | ast.Call(func=ast.Attribute(attr=name)):
            return name
    return ""


def speaks(node: ast.AST) -> bool:
    """Whether a node is words for a person."""
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Assert):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id == "log":
            return True
    if called(node) == "share" and isinstance(node, ast.Call):  # … of progress
        return (
            isinstance(node.args[0], ast.Constant) or getattr(node.args[0], "id", "") == "progress"
        )
    return called(node) in WORDS | FORMS


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """A function's nodes that run when it is called, its own functions left out."""
    children = node.body if isinstance(node, ast.FunctionDef) else ast.iter_child_nodes(node)
    for child in children:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or speaks(
            child
        ):
            continue
        if isinstance(child, ast.arguments | ast.expr_context | ast.operator | ast.cmpop):
            continue
        if isinstance(child, ast.keyword) and child.arg == "strict" and called(node) == "zip":
            continue
        if isinstance(child, ast.AnnAssign):
            if child.value is not None:
                yield child.value
                yield from inside(child.value)
            continue
        yield child
        yield from inside(child)


def changed(node: ast.AST, **fields: object) -> ast.AST:
    """A copy with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def constants(node: ast.Constant) -> Iterator[ast.AST]:
    """Another number or the other truth."""
    match node.value:
        case bool(value):
            yield changed(node, value=not value)
        case int(value):
            yield changed(node, value=value + 1)
        case float(value) if abs(value) >= GUARD or value == 0:
            yield changed(node, value=value * 2 if value else 1.0)


def calls(node: ast.Call) -> Iterator[ast.AST]:
    """The opposite function, or none."""
    name = called(node)
    if name in SWAPS:
        part = {"id": SWAPS[name]} if isinstance(node.func, ast.Name) else {"attr": SWAPS[name]}
        yield changed(node, func=changed(node.func, **part))
    if name in DROPPED:
        library = isinstance(node.func, ast.Name) or (
            isinstance(node.func.value, ast.Name)  # type: ignore[attr-defined]
            and node.func.value.id in {"np", "torch", "F", "math"}  # type: ignore[attr-defined]
        )
        if not library:
            yield node.func.value  # type: ignore[attr-defined]
        elif node.args:
            yield node.args[0]


def negated(test: ast.expr) -> Iterator[ast.expr]:
    """The opposite of a condition that has no operator of its own to turn."""
    if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield ast.UnaryOp(ast.Not(), test)


def is_text(node: ast.AST) -> bool:
    """Whether a node is a string as it stands."""
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def variants(node: ast.AST) -> Iterator[ast.AST]:
    """What a node is changed to, one at a time."""
    yield from statements(node) if isinstance(node, ast.stmt) else expressions(node)


def statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Those of a statement."""
    match node:
        case ast.AugAssign(op=op) if type(op) in OPERATORS:
            yield changed(node, op=OPERATORS[type(op)]())
            yield ast.Pass()
        case ast.Expr(value=ast.Call()) if not speaks(node.value):
            yield ast.Pass()
        case ast.If(test=test) | ast.While(test=test):
            for other in negated(test):
                yield changed(node, test=other)


def expressions(node: ast.AST) -> Iterator[ast.AST]:
    """Those of an expression."""
    match node:
        case ast.Constant():
            yield from constants(node)
        case ast.BinOp(left=left, op=op) if type(op) in OPERATORS and not is_text(left):
            yield changed(node, op=OPERATORS[type(op)]())
            yield left
        case ast.Compare(ops=[op]):
            for other in COMPARISONS[type(op)]:
                yield changed(node, ops=[other()])
        case ast.BoolOp(op=op):
            yield changed(node, op=ast.And() if isinstance(op, ast.Or) else ast.Or())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield operand
        case ast.Call():
            yield from calls(node)
        case ast.IfExp(test=test):
            for other in negated(test):
                yield changed(node, test=other)
        case ast.Slice(lower=lower, upper=upper):
            if upper is not None:
                yield changed(node, upper=None)
            if lower is not None:
                yield changed(node, lower=None)
