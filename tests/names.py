"""How many names in the code say nothing of what they name: `python -m tests.names`.

Counted is each place where a name is bound: assigned, a parameter, a function, a class. VAGUE may
be MOST_VAGUE of them, and words that any value could have MOST_GENERIC; `make check` fails above.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("app.py", "benchmarks", "components", "engine", "pages", "tests")
VAGUE = frozenset({
    "anew", "apart", "asked", "beside", "each", "found", "given", "heard", "held", "here", "it",
    "kept", "listed", "made", "meant", "one", "ones", "own", "said", "seen", "shown", "strangers",
    "them", "there", "thing", "things", "those", "told", "wanted", "which", "whose",
})  # fmt: skip
GENERIC = frozenset({"item", "value", "data", "obj"})
MOST_VAGUE, MOST_GENERIC = 0.01, 0.03


def files() -> list[Path]:
    return [
        file
        for name in CODE
        for file in sorted([ROOT / name, *(ROOT / name).rglob("*.py")])
        if file.is_file()
    ]


def bound(tree: ast.AST) -> Iterator[str]:
    """Each name that is bound, as often as it is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


def share(names: Counter[str], words: Iterable[str]) -> float:
    """The share of the names that are one of some words."""
    return sum(names[word] for word in words) / max(1, names.total())


def main() -> int:
    """Print the shares and the words and files that lead; 1 when a share is too high."""
    by_file = {
        file: Counter(name.strip("_").lower() for name in bound(ast.parse(file.read_text("utf-8"))))
        for file in files()
    }
    names: Counter[str] = sum(by_file.values(), Counter())
    vague, generic = share(names, VAGUE), share(names, GENERIC)
    print(f"{names.total():,} names: {vague:.1%} vague, {generic:.1%} generic")
    if vague <= MOST_VAGUE and generic <= MOST_GENERIC:
        return 0
    print(f"At most {MOST_VAGUE:.1%} and {MOST_GENERIC:.1%}: name what the thing is.")
    words = Counter({word: names[word] for word in VAGUE | GENERIC})
    print("words:", ", ".join(f"{word} {count}" for word, count in words.most_common(15)))
    for file in sorted(by_file, key=lambda file: -sum(by_file[file][word] for word in VAGUE))[:15]:
        print(f"{file.relative_to(ROOT)}: {sum(by_file[file][word] for word in VAGUE)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
