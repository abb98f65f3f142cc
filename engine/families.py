"""The families of methods, in the order of the menu; together they are all that can be asked."""

from __future__ import annotations

from typing import Any

from engine import anomaly, attribution, hallucination, lab, sparsity, unlearning
from engine.method import Method

FAMILIES = (attribution, unlearning, hallucination, anomaly, sparsity, lab)

METHODS: tuple[type[Method[Any]], ...] = tuple(
    method for family in FAMILIES for method in family.METHODS
)
