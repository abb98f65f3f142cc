"""WorstForget: Challenging Forgets: Unveiling the Worst-Case Forget Sets in Machine Unlearning."""
