"""SAUCE: SAUCE: Selective Concept Unlearning in Vision-Language Models with Sparse Autoencoders."""
