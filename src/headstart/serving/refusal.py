"""A request that is refused: the status and one sentence, never a traceback."""

from collections.abc import Mapping


class Refused(Exception):
    """Why a request gets no answer; it becomes `{"error": sentence}` with an HTTP status."""

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
