"""The view Tickets: sparse networks that could have learned alone."""
"""What the view of tickets draws."""
