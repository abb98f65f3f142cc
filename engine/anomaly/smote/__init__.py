"""SMOTE: SMOTE: Synthetic Minority Over-sampling Technique."""
