"""Closed forms at millions of values: grids of symbols, evaluated with numpy, on one core or on a Dask cluster."""
