"""N:M flow: Progressive Gradient Flow for Robust N:M Sparsity Training in Transformers."""
