"""Inside: whether a model's own states tell that it makes something up."""
