"""Claims of papers on sparsity, tried here."""
