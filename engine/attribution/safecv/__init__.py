"""SAFECV: Feature-Guided Black-Box Safety Testing of Deep Neural Networks."""
