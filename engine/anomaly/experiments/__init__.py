"""Experiments on rare, unseen and unlike images, in closed form."""
