"""The command line.

Exit codes: 0 done, 2 the input is wrong, 1 headstart or the machine is at fault, 130 stopped with
Ctrl-C, 141 whoever read the output has gone. Standard output holds the answer and nothing else;
progress, warnings of libraries and errors go to standard error. With `--json` the answer is one
JSON value, also for an error: `{"error": SENTENCE}`.
"""
