"""Attribution: what did the model look at? The methods in the order shown, one tuple per view."""

from engine.attribution.adasmooth.experiment import AdaptiveSmoothing
from engine.attribution.adasmooth.mixed_answers import MixedAnswers
from engine.attribution.cbc import PROTOTYPES
from engine.attribution.cbsn import Cbsn, Denoised
from engine.attribution.comet.experiment import CometExperiment
from engine.attribution.comet.grid import CometGrid
from engine.attribution.gp_unet.experiment import OwnMapsExperiment
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
from engine.attribution.lfa import LFA, LFAExperiments, LocalModel
from engine.attribution.lima import LiMA, OtherMaps, RandomOrder
from engine.attribution.lst import LEVEL_SETS
from engine.attribution.mhim import SLIDES
from engine.attribution.quadattack.methods import OrderedAD, OrderedCW, QuadAttacK
from engine.attribution.quadattack.order_success import OrderedSuccess
from engine.attribution.robustness.followed import MapsFollow
from engine.attribution.robustness.gradient_steps import FGSM, PGD
from engine.attribution.safecv.method import SafeCV
from engine.attribution.study import STUDY
from engine.attribution.tilt import TILT
from engine.evaluation.experiment import Experiment
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.maps.own_map import OwnMap
from engine.evaluation.trust import AMONG, BANDS, TRUST

EXPERIMENTS: tuple[type[Experiment], ...] = (
    AdaptiveSmoothing,
    OwnMapsExperiment,
    CometExperiment,
    CometGrid,
    Cbsn,
)
ORDERED = (QuadAttacK, OrderedCW, OrderedAD)
ROBUSTNESS = (PGD, FGSM, *ORDERED, OrderedSuccess, MapsFollow, SafeCV)

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
