"""The view Prune: what a model can do without."""
