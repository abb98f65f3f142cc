"""DMM: Attribute-to-Delete: Machine Unlearning via Datamodel Matching."""
