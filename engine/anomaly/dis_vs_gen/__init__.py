"""Dis-vs-Gen: Revisiting Discriminative vs. Generative Classifiers: Theory and Implications."""
