def measure_real(*a): pass
