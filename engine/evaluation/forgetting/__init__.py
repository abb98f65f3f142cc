"""How far a model has forgotten: membership attacks, KLoM."""
