"""The ten-method study: explainers side by side on images with several labels."""

from engine.attribution.study.case import StudyCase, study_case
from engine.attribution.study.images import SOURCES, StudyImage
from engine.attribution.study.look import StudyMaps
from engine.attribution.study.methods import TITLES, ten
from engine.attribution.study.ranking import METRICS, NAMED
from engine.attribution.study.study import Study

STUDY = (Study, StudyMaps)

__all__ = [
    "METRICS",
    "NAMED",
    "SOURCES",
    "STUDY",
    "TITLES",
    "Study",
    "StudyCase",
    "StudyImage",
    "StudyMaps",
    "study_case",
    "ten",
]
