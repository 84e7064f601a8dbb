"""A real HTTP server that receives webhooks: it keeps what came, and answers as it is told, attempt by attempt."""

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """What came, and what is answered: `answers` one after the other, then `otherwise`.

    An answer is a status, or a status with headers; `hang` holds the request until the test is over, `cut` closes the
    connection without an answer.
    """

    url: str = ""
    answers: list = field(default_factory=list)
    otherwise: object = 204
    received: list[Received] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self, request):
        with self.lock:
            self.received.append(request)
            return self.answers.pop(0) if self.answers else self.otherwise


@contextmanager
def receiving(tls=None):
    """A receiver on a free port of loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            length = int(self.headers["content-length"])
            body = self.rfile.read(length)
            if len(body) < length:  # cut off where the sender was killed: to no server is that a request
                self.close_connection = True
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = receiver.next_answer(Received(self.path, headers, body))
            if answer == "hang":
                receiver.over.wait(60)
                self.close_connection = True
            elif answer == "cut":
                self.close_connection = True
            else:
                status, more = answer if isinstance(answer, tuple) else (answer, {})
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *told):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request, address):
            pass  # a client that went away, as killed ones do

    server = Server(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    scheme = "https" if tls else "http"
    receiver.url = f"{scheme}://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
