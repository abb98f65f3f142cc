"""Vision-language models: one face for all, those that ship, and others."""
