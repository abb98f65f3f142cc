"""What charts of several views share: how they look, and how they stand on the page."""
