"""The hot parts of the search as machine code, for those who install the extra `fast`.

Each kernel does what one function in numpy does, as plain loops; that function calls it where `kernels_on()`.
"""
