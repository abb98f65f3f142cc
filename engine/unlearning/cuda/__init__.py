"""CUDA: CUDA: Convolution-based Unlearnable Datasets."""
