"""Hallucination: what a vision-language model makes up.

A model is known to the methods through `vlm.VLM` only. A decoding method is a `strategy.Strategy`:
`generate` runs its session, and what pages draw from is the record that the loop kept.
"""
