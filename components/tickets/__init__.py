"""The view Tickets: sparse networks that could have learned alone."""
