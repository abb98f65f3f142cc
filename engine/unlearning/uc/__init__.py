"""UC: Unlearnable Clusters: Towards Label-agnostic Unlearnable Examples."""
