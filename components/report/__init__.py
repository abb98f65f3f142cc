"""Results that are kept for the session: a tray, two side by side, and the report made of them."""
