"""The hot loops of the search as machine code, with the extra `fast`.

Each kernel does what one function in numpy does; that function calls it where `kernels_on()`, and tests compare both.
There are two sources since the loops are too slow without numba. Medians of the CPU time of an order, in markets of 100
and of 1,000 pools, with Python 3.11 and without numba:

    numpy                                     2.4 ms     5.2 ms
    all loops interpreted                    13.7 ms    38.2 ms
    `central_path` alone interpreted         14.2 ms    28.7 ms
    `spread` alone                            3.1 ms    13.2 ms
    `surplus` alone                           2.5 ms     7.3 ms
    `filling` alone                           2.8 ms     5.9 ms
    `layout` alone                            3.0 ms     5.7 ms
    `ranks` alone                             2.3 ms     5.6 ms

What both can share they do: curve families, the meaning of columns, tolerances and limits of iterations.
"""
