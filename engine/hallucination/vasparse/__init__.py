"""VASparse; README.md says what, and which file first."""
