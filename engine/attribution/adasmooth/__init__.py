"""ADASMOOTH: Improving the Accuracy-Robustness Trade-Off of Classifiers via Adaptive Smoothing."""
