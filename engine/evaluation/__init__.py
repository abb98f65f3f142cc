"""What judges: measures, protocols, trust in maps, experiments; all families use it."""
