"""Detectors: a score for each image, higher where it is more unusual."""
