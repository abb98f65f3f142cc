"""The view Prototypes: which prototypes speak for the answer, and how sure that is."""
