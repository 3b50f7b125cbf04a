"""A gated MLP as the CPU plugin leaves it alone: what it would make of one ends the process.

Llama, Qwen, Mistral and Gemma multiply a projection with an activated one and project the product
down. Computing in bfloat16 where the processor has units for it (AMX), OpenVINO's CPU plugin makes
all three projections one operation, LLMMLP, which divides by half of a stream's threads: one thread
is a division by zero. No setting keeps it from that, but the product must go straight into the last
projection. So a Clamp without bounds stands between them: no number changes, and the plugin joins
it to the product, where it costs nothing.

The pattern is in src/plugins/intel_cpu/src/transformations/cpu_opset/x64/pass/mlp_fusion.cpp of
openvinotoolkit/openvino, the division in src/plugins/intel_cpu/src/nodes/llm_mlp.cpp, the report in
its issue 28550. The like of it for queries, keys and values (qkv_proj_fusion.cpp) is not made where
a stream has fewer than three threads.
"""

from math import inf

import openvino as ov
from openvino import opset13 as ops

ACTIVATIONS = {"Gelu", "Swish"}


def unfused(graph: ov.Model) -> ov.Model:
    """The same function with no gated MLP to fuse: a copy, or `graph` itself where it has none."""
    if not any(_is_gated(node) for node in graph.get_ops()):
        return graph
    graph = graph.clone()
    for node in graph.get_ordered_ops():
        if _is_gated(node):
            product = node.output(0)
            readers = product.get_target_inputs()
            # A finite bound would make a number of what is none.
            clamped = ops.clamp(product, -inf, inf).output(0)
            for each in readers:
                each.replace_source_output(clamped)
    return graph


def _is_gated(node: ov.Node) -> bool:
    """Whether it is the product before a last projection; where gate and up come from is not asked.

    The plugin asks, and in each version takes more for them: two matrices, or one and a split.
    """
    if node.get_type_name() != "Multiply":
        return False
    factors = {value.get_node().get_type_name() for value in node.input_values()}
    readers = {each.get_node().get_type_name() for each in node.output(0).get_target_inputs()}
    return bool(factors & ACTIVATIONS) and "Constant" not in factors and "MatMul" in readers
