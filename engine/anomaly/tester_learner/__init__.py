"""Tester-Learner: An Efficient Tester-Learner for Halfspaces."""
