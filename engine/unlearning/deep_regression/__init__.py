"""Deep regression unlearning: Deep Regression Unlearning."""
