"""COMET: Comprehensive Attribution: Inherently Explainable Vision Model with Feature Detector."""
