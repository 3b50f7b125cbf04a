"""A hub on this machine that speaks as much of the real one's language as we do."""

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote


@dataclass
class FakeHub:
    """Repositories, and what was asked of them.

    Attributes:
        repositories: by `OWNER/NAME`, then by revision: a commit and its files.
        asked: method, path and `Range` header of every request.
        damaged: names of files that are sent with a byte changed.
        stops_after: so many bytes of a file are sent, then the connection ends.
        down: every request is an error of the server.
        closed: names of repositories that nobody but their owner may see.
        refuses: every upload is refused, as of a token that may only read.
        commits: of each commit that was uploaded, its repository, message, what was added and what
            was deleted.
        uploaded: all bytes of every request to upload.
    """

    repositories: dict[str, dict[str, tuple[str, dict[str, bytes]]]] = field(default_factory=dict)
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    stops_after: int | None = None
    down: bool = False
    closed: set[str] = field(default_factory=set)
    refuses: bool = False
    commits: list[tuple[str, str, set[str], set[str]]] = field(default_factory=list)
    uploaded: list[bytes] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    address: str = ""

    def put(self, repository: str, folder: Path, revision: str = "main") -> str:
        """Publish what is in a folder; gives its commit."""
        files = {
            each.relative_to(folder).as_posix(): each.read_bytes()
            for each in sorted(folder.rglob("*"))
            if each.is_file()
        }
        return self.keep(repository, files, revision)

    def keep(self, repository: str, files: dict[str, bytes], revision: str = "main") -> str:
        """The same of files by their names."""
        whole = b"".join(name.encode() + content for name, content in files.items())
        commit = hashlib.sha1(whole).hexdigest()
        known = self.repositories.setdefault(repository, {})
        known[revision] = known[commit] = commit, files
        return commit

    def __enter__(self) -> "FakeHub":
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(hub: FakeHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(body=False)

        def do_GET(self) -> None:
            self._answer(body=True)

        def do_PUT(self) -> None:
            content = self._content()
            hub.large[self.path.removeprefix("/large/")] = content
            self._send(200, {}, b"", True)

        def do_POST(self) -> None:
            asked, path = self._content(), self.path.partition("?")[0]
            hub.asked.append((self.command, path, None))
            if hub.refuses or "Authorization" not in self.headers:
                self._send(403 if hub.refuses else 401, {}, b"", True)
                return
            if path == "/api/validate-yaml":
                self._say({"warnings": [], "errors": []})
            elif path == "/api/repos/create":
                self._create(json.loads(asked))
            elif path.endswith("/info/lfs/objects/batch"):
                self._batch(json.loads(asked))
            elif "/preupload/" in path:
                self._say({"files": [_mode(each) for each in json.loads(asked)["files"]]})
            else:
                self._commit(path, [json.loads(line) for line in asked.splitlines()])

        def _content(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            else:
                content = b""
                while size := int(self.rfile.readline(), 16):
                    content += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            hub.uploaded.append(content)
            return content

        def _say(self, answer: object, code: int = 200) -> None:
            headers = {"Content-Type": "application/json"}
            self._send(code, headers, json.dumps(answer).encode(), True)

        def _create(self, asked: dict[str, Any]) -> None:
            name = f"{asked['organization']}/{asked['name']}"
            there = name in hub.repositories
            if not there:
                hub.keep(name, {".gitattributes": b""})
                hub.closed |= {name} if asked.get("visibility") == "private" else set()
            self._say({"url": f"{hub.address}/{name}"}, 409 if there else 200)

        def _batch(self, asked: dict[str, Any]) -> None:
            objects = [
                {**each, "actions": {"upload": {"href": f"{hub.address}/large/{each['oid']}"}}}
                for each in asked["objects"]
            ]
            self._say({"transfer": "basic", "objects": objects})

        def _commit(self, path: str, lines: list[dict[str, Any]]) -> None:
            owner, name, _, revision = path.removeprefix("/api/models/").split("/")
            repository = f"{owner}/{name}"
            commit, files = hub.repositories[repository][revision]
            head, *changes = [(line["key"], line["value"]) for line in lines]
            assert head[1]["parentCommit"] == commit
            added = {
                each["path"]: base64.b64decode(each["content"])
                if kind == "file"
                else hub.large[each["oid"]]
                for kind, each in changes
                if kind in ("file", "lfsFile")
            }
            hub.uploaded += added.values()
            gone = {each["path"] for kind, each in changes if kind == "deletedFile"}
            kept = {name: content for name, content in files.items() if name not in gone}
            made = hub.keep(repository, kept | added, revision)
            hub.commits.append((repository, head[1]["summary"], {*added}, gone))
            self._say({"commitUrl": f"{hub.address}/{repository}/commit/{made}", "commitOid": made})

        def log_message(self, *_: Any) -> None:
            pass

        def _answer(self, body: bool) -> None:
            path = self.path.partition("?")[0]
            hub.asked.append((self.command, path, self.headers.get("Range")))
            if hub.down:
                self._send(500, {}, b"", body)
                return
            api = path.startswith("/api/models/")
            parts = path.removeprefix("/api/models").strip("/").split("/")
            if api and len(parts) == 2:
                parts += ["revision", "main"]
            if len(parts) < 4:
                self._send(404, {}, b"", body)
                return
            owner, name, kind, *rest = parts
            revisions = hub.repositories.get(f"{owner}/{name}")
            if revisions is None:
                self._send(404, {"X-Error-Code": "RepoNotFound"}, b"", body)
                return
            revision = unquote("/".join(rest) if api else rest[0])
            if revision not in revisions:
                self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"", body)
                return
            commit, files = revisions[revision]
            if kind == "revision":
                about = {
                    **{"id": f"{owner}/{name}", "sha": commit, "tags": []},
                    "private": f"{owner}/{name}" in hub.closed,
                    "siblings": [{"rfilename": each} for each in files],
                }
                self._send(200, {}, json.dumps(about).encode(), body)
            elif kind == "tree":
                listed = [_listed(file, content) for file, content in files.items()]
                self._send(200, {}, json.dumps(listed).encode(), body)
            elif (file := "/".join(rest[1:])) in files:
                self._file(file, files[file], commit, body)
            else:
                self._send(404, {"X-Error-Code": "EntryNotFound"}, b"", body)

        def _file(self, name: str, content: bytes, commit: str, body: bool) -> None:
            tag = _tag(name, content)
            headers = {"ETag": f'"{tag}"', "X-Repo-Commit": commit}
            if len(tag) == 64:
                headers |= {"X-Linked-ETag": f'"{tag}"', "X-Linked-Size": str(len(content))}
            if name in hub.damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            start, whole = 0, len(content)
            if (asked := self.headers.get("Range")) and body:
                start = int(asked.removeprefix("bytes=").partition("-")[0])
                headers["Content-Range"] = f"bytes {start}-{whole - 1}/{whole}"
            self._send(206 if start else 200, headers, content[start:], body)

        def _send(self, code: int, headers: dict[str, str], content: bytes, body: bool) -> None:
            self.send_response(code)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body and hub.stops_after is not None and len(content) > hub.stops_after:
                self.wfile.write(content[: hub.stops_after])
                self.close_connection = True
            elif body:
                self.wfile.write(content)

    return Handler


def _listed(name: str, content: bytes) -> dict[str, Any]:
    about: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
    if name.endswith(".safetensors"):
        about["lfs"] = {"oid": _tag(name, content), "size": len(content), "pointerSize": 130}
    return about


def _mode(asked: dict[str, Any]) -> dict[str, Any]:
    large = asked["path"].endswith((".safetensors", ".bin"))
    mode = "lfs" if large else "regular"
    return {"path": asked["path"], "uploadMode": mode, "shouldIgnore": False}


def _tag(name: str, content: bytes) -> str:
    large = name.endswith(".safetensors")
    return (hashlib.sha256 if large else hashlib.sha1)(content).hexdigest()
