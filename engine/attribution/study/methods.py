"""The ten explainers of the study, in the paper's order, set for the size of the images.

The sheet's defaults (shared/papers/attribution.md): occlusion with a window of an eighth of the
side at half overlap, 50 superpixels for LIME, 50 steps for integrated gradients, 20 noisy copies
with σ = 0.1 for SmoothGrad. Saliency and SmoothGrad take sizes of slopes, as the paper's saliency
does; the others add signed values over the color channels.
"""

from engine.attribution.heatmaps.deep_lift import DeepLift
from engine.attribution.heatmaps.gradient_x_input import GradientXInput
from engine.attribution.heatmaps.guided_backprop import GuidedBackprop
from engine.attribution.heatmaps.guided_grad_cam import GuidedGradCam
from engine.attribution.heatmaps.integrated_gradients import IntegratedGradients
from engine.attribution.heatmaps.lime import Lime
from engine.attribution.heatmaps.occlusion import Occlusion
from engine.attribution.heatmaps.smooth_grad import SmoothGrad
from engine.core.method import Method
from engine.core.texts import MethodsByName
from engine.evaluation.maps.grad_cam import GradCam
from engine.evaluation.maps.gradient import Gradient
from engine.evaluation.maps.own_map import OwnMap
from engine.vision.case import ImageCase
from engine.vision.models.classifier import Classifier

Explainer = Method[ImageCase]

KINDS: tuple[type[Explainer], ...] = (
    Gradient,
    GradientXInput,
    IntegratedGradients,
    GuidedBackprop,
    GradCam,
    GuidedGradCam,
    DeepLift,
    Occlusion,
    Lime,
    SmoothGrad,
)
TITLES = {kind.name: "Saliency" if kind is Gradient else kind.title for kind in KINDS}
EXPLAINERS = MethodsByName(KINDS, TITLES)
EVERY = TITLES | {OwnMap.name: OwnMap.title}  # which stands beside the ten where there is one


def ten(side: int, samples: int = 200) -> tuple[Explainer, ...]:
    """The ten, for images of that side in pixels; LIME looks at so many random pictures."""
    explainers: dict[type[Explainer], Explainer] = {
        Gradient: Gradient(channels="size"),
        IntegratedGradients: IntegratedGradients(steps=50),
        Occlusion: Occlusion(side=max(side // 8, 1), overlap=0.5),
        Lime: Lime(regions=50, samples=samples),
        SmoothGrad: SmoothGrad(samples=20, noise=0.1, channels="size"),
    }
    return tuple(explainers.get(kind) or kind() for kind in KINDS)


def has_own_map(model: Classifier) -> bool:
    """Whether the model's own map is one of the methods."""
    return not model.lacks("own map")


def own_map_method(model: Classifier) -> tuple[Explainer, ...]:
    """The model's own map, where it has one."""
    return (OwnMap(),) if has_own_map(model) else ()
