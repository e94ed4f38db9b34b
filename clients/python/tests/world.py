"""Endpoints on this machine, each answering as a test says."""

import json
import socket
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


class RawEndpoint:
    """Answers whatever comes with these bytes as they are, all at once or, with `seconds`, one by one over so long."""

    def __init__(self, data, seconds=0):
        self._data, self._pause = data, seconds / len(data)
        self._gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
                with connection:
                    connection.recv(65_536)
                    for part in [self._data] if self._pause == 0 else (bytes([each]) for each in self._data):
                        connection.sendall(part)
                        self._gone.wait(self._pause)
                    # What is closed with bytes unread resets its connection, and the other side might not have read all.
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65_536)
            except OSError:
                if self._gone.is_set():
                    return

    def close(self):
        self._gone.set()
        # Wakes it from its waiting.
        try:
            socket.create_connection(self._listener.getsockname()).close()
        except OSError:
            pass
        self._listener.close()
        self._thread.join(5)


def refused(status, code):
    return status, {"status": "error", "code": code, "message": code}
