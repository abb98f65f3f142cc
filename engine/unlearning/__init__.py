"""Unlearning: what can a model forget, and what stays behind?"""

from __future__ import annotations

from typing import Any

from engine.method import Method
from engine.unlearning import request
from engine.unlearning.case import ForgetCase, forget_case
from engine.unlearning.request import ForgetRequest, Splits
from engine.unlearning.worst import easiest, hardest

METHODS: tuple[type[Method[Any]], ...] = ()

__all__ = [
    "METHODS",
    "ForgetCase",
    "ForgetRequest",
    "Splits",
    "easiest",
    "forget_case",
    "hardest",
    "request",
]
