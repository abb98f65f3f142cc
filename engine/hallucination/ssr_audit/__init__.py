"""SSR-AUDIT; README.md says what, and which file first."""
