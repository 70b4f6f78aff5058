import hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["WEBHOOK_SECRET"].encode()  # whsec_…, as it was shown
seen = set()  # event ids; keep yours where they outlive the process


def verify(headers, raw_body: bytes) -> bool:
    """raw_body: the bytes as they came, before any JSON parser."""
    timestamp = headers.get("X-AI93-Timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False  # old: a replay
    signed = timestamp.encode() + b"." + raw_body
    expected = "sha256=" + hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    given = headers.get("X-AI93-Signature", "")
    return hmac.compare_digest(given.encode(), expected.encode())  # takes the same time, right or wrong


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw_body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = verify(self.headers, raw_body)
        self.send_response(204 if genuine else 400)  # answer first, work afterwards
        self.end_headers()
        if not genuine:
            return
        event = json.loads(raw_body)  # a header has the id too, but only the body is signed
        if event["id"] not in seen:  # else sent again, though it had come
            seen.add(event["id"])
            print(event["type"], flush=True)


HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver).serve_forever()
