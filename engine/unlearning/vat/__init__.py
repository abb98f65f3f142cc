"""VAT for recommenders; README.md says what, and which file first."""
