"""Hallucination: what a vision-language model makes up.

A model is known to the methods through `vlm.VLM` only. A decoding method is a `strategy.Strategy`:
`generate` runs its session, and what pages draw from is the record that the loop kept. `MVP` asks
the loop several times.
"""

from __future__ import annotations

from engine.hallucination.beam import Beam
from engine.hallucination.case import CaptionCase
from engine.hallucination.cause import Cause
from engine.hallucination.dola import DoLa
from engine.hallucination.greedy import Greedy
from engine.hallucination.keep_curve import KeepCurve
from engine.hallucination.looks import Looks
from engine.hallucination.mvp import MVP
from engine.hallucination.noise_steps import NoiseSteps
from engine.hallucination.opera import OPERA
from engine.hallucination.priors import Priors
from engine.hallucination.rates import Rates, ScenesCase
from engine.hallucination.region import RegionWords
from engine.hallucination.relevancy import Relevancy
from engine.hallucination.sampling import Sampling
from engine.hallucination.strategy import Strategy
from engine.hallucination.vasparse import VASparse
from engine.hallucination.vcd import VCD
from engine.hallucination.views_ablation import ViewsAblation
from engine.hallucination.word_case import WordCase

DECODING = (Greedy, Sampling, Beam, VCD, DoLa, VASparse, OPERA, MVP, NoiseSteps)
STRATEGIES = DECODING[:-1]  # those that answer
ASK = (Looks, Relevancy, Cause, Priors, RegionWords)

COUNTED = (
    Rates,
    KeepCurve,
    ViewsAblation,
)  # over many scenes, folded in Decoding

METHODS = (*DECODING, *ASK, *COUNTED)

__all__ = [
    "ASK",
    "DECODING",
    "METHODS",
    "MVP",
    "OPERA",
    "STRATEGIES",
    "VCD",
    "Beam",
    "CaptionCase",
    "Cause",
    "DoLa",
    "Greedy",
    "KeepCurve",
    "Looks",
    "NoiseSteps",
    "Priors",
    "Rates",
    "RegionWords",
    "Relevancy",
    "Sampling",
    "ScenesCase",
    "Strategy",
    "VASparse",
    "ViewsAblation",
    "WordCase",
]
