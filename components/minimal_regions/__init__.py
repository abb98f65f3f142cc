"""The view Minimal regions: how little of the image is enough."""
