"""LitServe as its documentation has it: `lit_serve.py EXPORT PORT WORKERS`."""

import sys
from pathlib import Path

import litserve
from graph import Graph, decoded


class Api(litserve.LitAPI):
    """A request is JSON with `text`, or with `image` in base64."""

    def setup(self, device):  # noqa: ARG002
        self.graph = Graph(Path(sys.argv[1]))

    def decode_request(self, request):
        item = request["text"] if "text" in request else decoded(request["image"])
        return self.graph.inputs(item)

    def predict(self, inputs):
        return self.graph.answer(inputs)

    def encode_response(self, answer):
        return answer


if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=int(sys.argv[3]))
    server.run(host="127.0.0.1", port=int(sys.argv[2]), generate_client_file=False)
