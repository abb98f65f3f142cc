"""NOVA: NOVA: A Benchmark for Anomaly Localization and Clinical Reasoning in Brain MRI."""
