"""A network's weights one by one: which can be cut, which stay, and a model beside its data."""
