"""Hallucination: what a vision-language model makes up.

A model is known to the methods through `vlm.VLM` only. A decoding method is a `strategy.Strategy`:
`generate` runs its session, and what pages draw from is the record that the loop kept. `MVP` asks
the loop several times.
"""

from engine.evaluation.experiment import Experiment
from engine.evaluation.language.beaf.method import BEAF
from engine.evaluation.language.beaf.photo_pair import PhotoPair, PhotoPairCase
from engine.evaluation.language.beaf.removal_law import RemovalLaw
from engine.evaluation.language.captioned import CHAIR
from engine.evaluation.language.greedy import Greedy
from engine.evaluation.language.pope import POPE
from engine.evaluation.language.rates import Rates, ScenesCase
from engine.evaluation.language.strategy import Strategy
from engine.hallucination.decoding.beam import Beam
from engine.hallucination.decoding.dola import DoLa
from engine.hallucination.decoding.opera import OPERA
from engine.hallucination.decoding.sampling import Sampling
from engine.hallucination.decoding.vcd import VCD
from engine.hallucination.grounding.cause import Cause
from engine.hallucination.grounding.each_claim import EachClaim
from engine.hallucination.grounding.looks import Looks
from engine.hallucination.grounding.priors import Priors
from engine.hallucination.grounding.region import RegionWords
from engine.hallucination.grounding.relevancy import Relevancy
from engine.hallucination.grounding.word_case import WordCase
from engine.hallucination.hallurag.probe import HalluRAG
from engine.hallucination.hallurag.word_risk import WordRisk
from engine.hallucination.measures.mask_llm import MaskLLM
from engine.hallucination.measures.noise_steps import NoiseSteps
from engine.hallucination.mvp.method import MVP
from engine.hallucination.mvp.views_ablation import ViewsAblation
from engine.hallucination.scmoe.strategy import SCMoE
from engine.hallucination.ssr_audit.image_rerouting import ImageRerouting
from engine.hallucination.ssr_audit.one_question import DeclinedQuestion
from engine.hallucination.ssr_audit.refusal import RefusalAudit
from engine.hallucination.vasparse.attention_sinks import AttentionSinks
from engine.hallucination.vasparse.keep_curve import KeepCurve
from engine.hallucination.vasparse.strategy import VASparse
from engine.hallucination.vlm_audit.experiment import VisualAudit
from engine.hallucination.vlm_audit.one_scene import PerturbedAnswer
from engine.vision.language.case import CaptionCase

EXPERIMENTS: tuple[type[Experiment], ...] = (VisualAudit, RefusalAudit, ImageRerouting)

DECODING = (Greedy, Sampling, Beam, VCD, DoLa, VASparse, OPERA, MVP, SCMoE, NoiseSteps)
STRATEGIES = DECODING[:-1]  # those that answer
ASK = (Looks, Relevancy, Cause, EachClaim, Priors, RegionWords)

COUNTED = (
    Rates,
    KeepCurve,
    ViewsAblation,
    MaskLLM,
    AttentionSinks,
)  # over many scenes, folded in Decoding

PROTOCOLS = (POPE, CHAIR)  # of the field, in Benchmarks

INSIDE = (HalluRAG, WordRisk)

BEFORE_AFTER = (BEAF, RemovalLaw, PhotoPair)

ONE_SCENE = (PerturbedAnswer, DeclinedQuestion)  # beside an experiment

METHODS = (*DECODING, *ASK, *COUNTED, *PROTOCOLS, *BEFORE_AFTER, *INSIDE, *EXPERIMENTS, *ONE_SCENE)

__all__ = [
    "ASK",
    "BEAF",
    "BEFORE_AFTER",
    "CHAIR",
    "DECODING",
    "EXPERIMENTS",
    "INSIDE",
    "METHODS",
    "MVP",
    "ONE_SCENE",
    "OPERA",
    "POPE",
    "PROTOCOLS",
    "STRATEGIES",
    "VCD",
    "AttentionSinks",
    "Beam",
    "CaptionCase",
    "Cause",
    "DeclinedQuestion",
    "DoLa",
    "EachClaim",
    "Greedy",
    "HalluRAG",
    "KeepCurve",
    "Looks",
    "MaskLLM",
    "NoiseSteps",
    "PerturbedAnswer",
    "PhotoPair",
    "PhotoPairCase",
    "Priors",
    "Rates",
    "RegionWords",
    "Relevancy",
    "RemovalLaw",
    "SCMoE",
    "Sampling",
    "ScenesCase",
    "Strategy",
    "VASparse",
    "ViewsAblation",
    "WordCase",
    "WordRisk",
]
