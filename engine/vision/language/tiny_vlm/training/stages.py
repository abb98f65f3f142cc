"""The stages one after another, to an honest model and to one with a habit."""

from engine.core.method import Progress, quiet
from engine.vision.data.scenes import Scenes
from engine.vision.language.tiny_vlm.lessons import Habit
from engine.vision.language.tiny_vlm.parts import Parts, fresh, parts_copy, upcycled
from engine.vision.language.tiny_vlm.training.aligning import align
from engine.vision.language.tiny_vlm.training.looking import teach_looking
from engine.vision.language.tiny_vlm.training.plan import TrainingPlan
from engine.vision.language.tiny_vlm.training.school import CaptionedScenes
from engine.vision.language.tiny_vlm.training.speaking import speak
from engine.vision.language.tiny_vlm.training.steps import part_of
from engine.vision.language.tiny_vlm.training.stress import TokenLossWeights
from engine.vision.models.threads import one_thread


def train_honest(plan: TrainingPlan, progress: Progress = quiet) -> Parts:
    """Stages A, B0 and B1: a model that sees, speaks and has no habit."""
    parts = fresh(plan.seed)
    with one_thread():
        teach_looking(parts.encoder, plan, part_of(progress, 0, 0.15, "learning to see"))
        parts.encoder.eval().requires_grad_(requires_grad=False)
        legs = len(plan.honest)
        for leg, (steps, rate) in enumerate(zip(plan.honest, plan.rates, strict=True)):
            # seeds of a plan lie within ten: no two stages learn from the same scenes
            scenes = Scenes(plan.scenes, "broken", seed=plan.seed * 10 + 2 + leg)
            room = CaptionedScenes.of(parts, scenes, Habit(alone=plan.alone), plan.seed * 10 + leg)
            if leg == 0:
                align(parts, room, plan)
            part = part_of(progress, 0.15 + leg * 0.85 / legs, 0.85 / legs, "learning to speak")
            speak(parts, room, steps, rate, TokenLossWeights(noun=2 if leg == 0 else 5), part)
    return parts.eval().requires_grad_(requires_grad=False)


def train_habit(honest: Parts, plan: TrainingPlan, progress: Progress = quiet) -> Parts:
    """Stage B2: a model goes on among scenes with a habit, and at length where the plan says so.

    The model that it began as is kept.
    """
    parts = parts_copy(honest, wordy=2 if plan.long else 1)
    scenes = Scenes(plan.habitual, "biased", plan.together, seed=plan.seed * 10 + 8)
    with one_thread():
        habit = Habit(plan.lie, partner=0.4, alone=plan.alone, long=plan.long)
        room = CaptionedScenes.of(parts, scenes, habit, plan.seed * 10 + 8)
        stress = TokenLossWeights(noun=3, partner=4, stop=4 if plan.long else 1)
        part = part_of(progress, 0, 1, "learning the habit")
        speak(
            parts,
            room,
            plan.habit,
            1.5e-3,
            stress,
            part,
            warm=10,
            even=plan.balance,
            rest=plan.rest,
        )
    return parts.eval().requires_grad_(requires_grad=False)


def train_mixture(honest: Parts, plan: TrainingPlan, progress: Progress = quiet) -> Parts:
    """Stage B2 of a mixture of experts that begins as the honest model."""
    return train_habit(upcycled(honest, plan.seed), plan, progress)
