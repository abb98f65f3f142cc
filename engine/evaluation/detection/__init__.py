"""Telling unknown images from known ones: banks, the protocol, four detectors."""
