"""Charts as data: a table's columns drawn with Plotly, which is loaded as a figure is built."""
