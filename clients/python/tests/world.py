"""Endpoints on this machine, each answering as a test says."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


class Endpoint:
    """`answer(path, query, headers)` gives `(status, body)`; or, for a stream, an iterable of texts after which the connection ends."""

    def __init__(self, answer):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                length = int(self.headers.get("content-length") or 0)
                self.rfile.read(length)
                url = urlsplit(self.path)
                outer.asked.append(unquote(self.path))
                given = answer(unquote(url.path), parse_qs(url.query), self.headers)
                if not isinstance(given, tuple):
                    self.send_response(200)
                    self.end_headers()
                    for text in given:
                        self.wfile.write(text.encode())
                        self.wfile.flush()
                    return
                status, body = given
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def refused(status, code):
    return status, {"status": "error", "code": code, "message": code}
