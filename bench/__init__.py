"""Side-by-side measurements: headstart and the plain recipe in one run, on two cores.

python -m bench                      every measurement, at full size (about an hour)
python -m bench extraction decode    those two
python -m bench --quick              tiny sizes: that it runs, not how fast
python -m bench peers                other tools side by side, run by run (see bench.peers)

Each prints a table with the bar it is held to, and goes to bench/results/ as JSON. What lasts is
the ratios: both sides run in turn on the same cores in the same minutes. Take them on a machine
with nothing else to do: other work slows the plain recipe more than it slows headstart. What it
took is printed with every table; `taskset -c 2,3 python -m bench` chooses the cores.
"""

MEASUREMENTS = (
    "extraction",
    "decode",
    "second_fit",
    "memory",
    "start",
    "session",
    "serving",
    "solar",
    "sentences",
    "fine_tuning",
    "epochs",
    "text_tuning",
    "classic",
    "families",
)
"""Modules of this package, each with `run(quick) -> Result`."""

ON_REQUEST = (
    "climb",
    "coverage",
    "export",
    "groups",
    "label_errors",
    "near_duplicates",
    "servers",
    "thresholds",
    "text_budget",
    "small_sets",
    "rung_times",
    "choices",
    "gpu",
    "peers",
)
"""Likewise, but only where named: half an hour each, `rung_times` one hour, `gpu` ten minutes on a
machine with a GPU, `servers` five after an environment with LitServe and BentoML, `choices` four
hours, and `peers` some twelve hours after environments of 20 GB; the last two go on where they
were. `text_budget`, `small_sets`, `choices` and `peers` download packages with data first."""
