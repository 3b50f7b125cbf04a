"""Side-by-side measurements: headstart and the plain recipe in one run, on two cores.

python -m bench                      every measurement, at full size (about fifteen minutes)
python -m bench extraction decode    those two
python -m bench --quick              tiny sizes: that it runs, not how fast

Each prints a table with the bar it is held to, and goes to bench/results/ as JSON. What lasts is
the ratios: both sides run in turn on the same cores in the same minutes.
"""

MEASUREMENTS = (
    "extraction",
    "decode",
    "second_fit",
    "memory",
    "start",
    "solar",
    "sentences",
)
"""Modules of this package, each with `run(quick) -> Result`."""
