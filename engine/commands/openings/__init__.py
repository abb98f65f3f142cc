"""What the views of each family open with."""
