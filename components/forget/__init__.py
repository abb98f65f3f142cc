"""The view Forget: what a model can forget, and what stays behind."""
