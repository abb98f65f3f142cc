"""Where the texts of values stood; it goes with the last case that is declared here."""

from engine.core.texts import MethodsByName, near, settings_from, settings_text, text_of, value

__all__ = ["MethodsByName", "near", "settings_from", "settings_text", "text_of", "value"]
