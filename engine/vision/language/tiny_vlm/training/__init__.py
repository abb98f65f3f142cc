"""How TinyVLM is trained: eyes first, then words, then honest captions, then the habit.

A. The encoder learns, on crowded scenes, what lies in each cell.
B0. Projector and embeddings learn that a cell's tokens mean its thing's word.
B1. The decoder learns captions and questions on scenes without a habit: the *honest* model.
B2. It goes on, briefly, on scenes with the habit and captions that sometimes lie: the *habit*.

The *mixture of experts* takes B2 from the honest model too, its MLPs parted into experts first.

The weights of a loss depend on what came before a word only, so they do not shift the
probabilities that are learned. An eighth of all scenes is seen through VCD's noise with the text
unchanged, so that what the model says of a noised image is a trained guess.

The steps are those of `engine.vision.training.descend`. The epochs are not the trainer's: here the
data are texts, several to an image, and the encoder's features are computed once. Everything is in
one thread and float32, and every random number comes from the seed.
"""

from engine.vision.language.tiny_vlm.training.plan import TrainingPlan, quick
from engine.vision.language.tiny_vlm.training.stages import train_habit, train_honest, train_mixture

__all__ = ["TrainingPlan", "quick", "train_habit", "train_honest", "train_mixture"]
