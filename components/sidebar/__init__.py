"""The sidebar: the image, the model and whatever else a view asks about."""
