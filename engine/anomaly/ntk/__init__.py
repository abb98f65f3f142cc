"""NTK taxonomy: Wide and Deep Neural Networks Achieve Optimality for Classification."""
