"""COSTARR: COSTARR: Consolidated Open Set Technique with Attenuation for Robust Recognition."""
