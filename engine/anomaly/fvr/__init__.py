"""FVR: Flexible Visual Recognition by Evidential Modeling of Confusion and Ignorance."""
