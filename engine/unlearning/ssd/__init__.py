"""SSD: Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening."""
