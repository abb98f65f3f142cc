"""VLM-AUDIT: Visual Adversarial Examples Jailbreak Large Language Models."""
