"""SCMoE: Unchosen Experts Can Contribute Too: Unleashing MoE Models' Power by Self-Contrast."""
