"""The view Level sets: what can change in the image without the model noticing."""
