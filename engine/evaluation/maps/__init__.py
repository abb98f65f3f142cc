"""Heat maps that other families judge models by."""
