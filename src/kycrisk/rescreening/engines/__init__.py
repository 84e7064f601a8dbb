"""Where slices are screened: in this process, on a Dask cluster, on Spark. Each gives the same results."""
