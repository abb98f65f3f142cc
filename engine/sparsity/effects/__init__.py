"""Effects: what a pruned model loses, and what it saves."""
