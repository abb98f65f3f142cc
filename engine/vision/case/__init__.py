"""What is asked about: an image with its model and target, two images."""

from engine.vision.case.image import ImageCase, PairCase, image_case, similarity_case
from engine.vision.pictures import model_input

__all__ = ["ImageCase", "PairCase", "image_case", "model_input", "similarity_case"]
