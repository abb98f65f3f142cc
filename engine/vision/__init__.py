"""Pixels in, logits out: models, weights, data, images, training; cases about them."""
