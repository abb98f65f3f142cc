"""The sidebar: the image, the model and the target that every view asks about."""
