"""The view Ask: what a model says of an image, and what it makes up."""
