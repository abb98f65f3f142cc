"""Attribution: what did the model look at? The methods in the order shown, one tuple per view."""

from __future__ import annotations

from engine.attribution.experiments import EXPERIMENTS
from engine.attribution.experiments.cbsn import Denoised
from engine.attribution.experiments.mixed_answers import MixedAnswers
from engine.attribution.heatmaps.attention_rollout import AttentionRollout
from engine.attribution.heatmaps.c_lime import CLime
from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.grad_cam_pp import GradCamPlusPlus
from engine.attribution.heatmaps.gradient_rollout import GradientRollout
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.kernel_shap import KernelShap
from engine.attribution.heatmaps.layer_cam import LayerCam
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.lrp import Lrp
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.rise import Rise
from engine.attribution.heatmaps.score_cam import ScoreCam
from engine.attribution.heatmaps.smooth_grad import SmoothGrad
from engine.attribution.level_sets import LEVEL_SETS
from engine.attribution.lfa import LFA, LFAExperiments, LocalModel
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder
from engine.attribution.prototypes import PROTOTYPES
from engine.attribution.robustness import FGSM, PGD, ROBUSTNESS, SafeCV
from engine.attribution.slides import SLIDES
from engine.attribution.study import STUDY
from engine.attribution.tilt import TILT
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.trust import AMONG, BANDS, TRUST

HEATMAPS = (
    GradCam,
    GradCamPlusPlus,
    LayerCam,
    ScoreCam,
    Occlusion,
    Rise,
    Lime,
    CLime,
    KernelShap,
    Gradient,
    GradientXInput,
    SmoothGrad,
    IntegratedGradients,
    DeepLift,
    Lrp,
    GuidedBackprop,
    GuidedGradCam,
    AttentionRollout,
    GradientRollout,
    OwnMap,
)

FIRST = (GradCam, Occlusion)  # what the view opens with

WHICH_EXPLANATION = (LFA, LFAExperiments, LocalModel)

MINIMAL_REGIONS = (LiMA, RandomOrder, OtherMaps)

ATTACKS = (PGD, FGSM, SafeCV)  # on what the model says

BESIDE_EXPERIMENTS = (MixedAnswers, Denoised)

METHODS = (
    *HEATMAPS, *LEVEL_SETS, *WHICH_EXPLANATION, *STUDY, *MINIMAL_REGIONS, *SLIDES, *PROTOTYPES,
    *ROBUSTNESS, *TRUST, *BANDS, *AMONG, *TILT, *EXPERIMENTS, *BESIDE_EXPERIMENTS,
)  # fmt: skip
