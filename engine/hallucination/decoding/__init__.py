"""Decoding: how the next word is chosen, and what each way keeps and contrasts."""
