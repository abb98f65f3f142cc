"""QuadAttacK: QuadAttack: A Quadratic Programming Approach to Ordered Top-K Attacks."""
