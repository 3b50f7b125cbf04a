import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

FIRST_ANSWERS = """
import os, sys, threading
import numpy as np
import openvino as ov
from openvino import opset13 as op
import headstart.runtime.openvino_engine

sys.setswitchinterval(1e-6)
given = op.parameter([1, 4], np.uint8)
network = ov.Core().compile_model(
    ov.Model([op.convert(given, "f32")], [given]), "CPU", {"NUM_STREAMS": 2}
)
both = threading.Barrier(2)

def answer(request):
    both.wait()
    request.infer({0: np.zeros((1, 4), np.uint8)})
    np.array(request.get_output_tensor(0).data)

threads = [
    threading.Thread(target=answer, args=(network.create_infer_request(),)) for _ in range(2)
]
[each.start() for each in threads]
[each.join() for each in threads]
os._exit(0)
"""


def test_the_first_two_answers_of_a_process_do_not_wait_for_each_other():
    # Without what the module does on import one run in about five never ends.
    for _ in range(3):
        subprocess.run([sys.executable, "-c", FIRST_ANSWERS], check=True, timeout=120)


def test_what_callers_compute_is_what_the_engine_computes_in_its_own_time(engine):
    """Also where many call at once: then its own threads do it."""
    opened, found = engine(), []
    pixels = np.random.default_rng(0).integers(0, 256, (8, 1, 32, 32, 3), np.uint8)
    for each in pixels:
        opened.start((each,), found.append)
        opened.wait()
    assert np.array_equal(opened.compute((pixels[0],)), found[0])
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda each: opened.beside().compute((each,)), pixels))
    assert np.array_equal(at_once, found)


DROPPED = """
import signal, threading
import numpy as np, openvino as ov
from openvino import opset13 as op
from headstart.runtime.openvino_engine import OpenVINOEngine

given = op.parameter([1, 8, 8, 3], np.uint8)
graph = ov.Model([op.reduce_mean(op.convert(given, np.float32), [1, 2])], [given])
kept = [OpenVINOEngine(graph, 1, "float32")]
kept[0].compute((np.zeros((1, 8, 8, 3), np.uint8),))
thread = threading.Thread(target=kept.clear)
thread.start()
thread.join()
signal.signal(signal.SIGTERM, lambda *_: print("taken"))
signal.raise_signal(signal.SIGTERM)
"""


def test_a_signal_after_another_thread_dropped_an_engine_is_taken():
    """As when a server's model was replaced: with AMX the process died of the next SIGTERM."""
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "taken\n"), done.stderr
