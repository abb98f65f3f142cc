"""The trust panel: heat maps on trial."""
