"""The view Tickets: sparse networks that train, and where they come from."""
