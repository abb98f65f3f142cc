"""MaskLLM: MaskLLM: Learnable Semi-Structured Sparsity for Large Language Models."""
