"""JSON and TOML that mean harm: one sentence each, and no memory, whatever the nesting."""

import json
import resource

import pytest

from engine.core.errors import BadModel, BadSetting
from engine.sweep.plan import read_plan
from engine.vision import foreign_text
from engine.vision.foreign_text import DEEPEST, read_json, read_toml
from engine.vision.models.card import ModelCard
from engine.vision.models.own_file import read_labels

COUNTS = (20, 900, 5_000, 40_000)
NESTED = {
    "dotted key": lambda count: ".".join("a" * count) + " = 1",
    "quoted key": lambda count: ".".join(['"a"'] * count) + " = 1",
    "dotted table": lambda count: f"[{'.'.join('a' * count)}]",
    "tables": lambda count: f"[[{'.'.join('a' * count)}]]",
    "lists": lambda count: f"a = {'[' * count}{']' * count}",
    "open lists": lambda count: f"a = {'[' * count}",
    "inline tables": lambda count: "a = " + "{a = " * count + "1" + "}" * count,
    "dotted in a table": lambda count: f"methods = {{ {'.'.join('a' * count)} = 1 }}",
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", NESTED)
def test_a_plan_of_any_depth_is_one_sentence_and_takes_no_memory(tmp_path, kind, count):
    path, before = tmp_path / "plan.toml", peak()
    path.write_text(NESTED[kind](count), "utf-8")
    with pytest.raises(BadSetting, match=r"^plan\.toml .*\.$") as caught:
        read_plan(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
    assert peak() - before < 100


@pytest.mark.parametrize("kind", [kind for kind in NESTED if "dotted" in kind or "key" in kind])
def test_a_key_of_many_parts_is_not_parsed_at_all(monkeypatch, kind):
    """Python's parser takes time and memory that grow with the square of its parts."""
    monkeypatch.setattr(foreign_text, "send_request", lambda *_, **__: pytest.fail("it is parsed"))
    with pytest.raises(BadSetting, match="more than 16 levels deep"):
        read_toml(NESTED[kind](40_000).encode(), "plan.toml", 10**6)


def peak():
    """The most memory of this process until now, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize(
    "content",
    [
        *(b"a = 1979-05-27", b"a = 07:32:00", b"a = ", b"\x00", b"a = 1\na = 2"),
        *(b"a = " + b"9" * 9999, b"\xff\xfe\x00", b"a" * 2_000_001),
    ],
    ids=range(8),
)
def test_other_plans_that_are_none_are_one_sentence(content):
    with pytest.raises(BadSetting, match=r"^plan\.toml .*\.$"):
        read_toml(content, "plan.toml", 2_000_000)


def test_a_plan_says_what_toml_says():
    words = ".".join("a" * 40)  # in quotes they are no key
    text = f'a.b = [1, 2.5, true, "x{words}"]\n[c]\nd = inf\n'
    toml = read_toml(text.encode(), "plan.toml", 10**6)
    assert toml == {"a": {"b": [1, 2.5, True, f"x{words}"]}, "c": {"d": float("inf")}}


@pytest.mark.parametrize("count", [DEEPEST + 1, 100, 990, 100_000])
@pytest.mark.parametrize("opens", ['{"a":', "[", '[{"a":'])
def test_json_of_any_depth_is_a_value_error_and_never_another(opens, count):
    closes = {"{": "}", "[": "]"}
    end = "".join(closes[letter] for letter in reversed(opens) if letter in closes)
    for text in (opens * count + "1" + end * count, opens * count):
        with pytest.raises(ValueError):  # noqa: PT011 - the caller says which file
            read_json(text, 10**6)
        with pytest.raises(BadModel, match="no list of labels"):
            read_labels(text.encode(), "labels.json")
        with pytest.raises(BadModel, match="no card of a model"):
            ModelCard.from_json(json.dumps({"settings": 0})[:-2] + text + "}")


def test_json_as_deep_as_it_may_be_is_read():
    text = "[" * DEEPEST + "]" * DEEPEST
    assert json.dumps(read_json(text, 100)) == text
    with pytest.raises(ValueError, match="more than 20 letters"):
        read_json(text, 20)
