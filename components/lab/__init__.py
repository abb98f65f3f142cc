"""The view Data and models: what there is to learn from, and what was learned."""
