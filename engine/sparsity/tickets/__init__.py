"""Sparse networks that train: masks found by training, rewound and trained again."""
