"""The view Inside: whether a model's states tell that it makes something up."""
