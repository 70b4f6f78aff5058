import hashlib, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["WEBHOOK_SECRET"].encode()  # whsec_…, as it was shown


def verify(header: str, raw_body: bytes) -> bool:
    """raw_body: the bytes as they came, before any JSON parser."""
    parts = [part.partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > 300:
        return False  # old: a replay
    signed = timestamp.encode() + b"." + raw_body
    expected = hmac.new(SECRET, signed, hashlib.sha256).hexdigest().encode()
    return any(n == "v1" and hmac.compare_digest(v.encode(), expected) for n, _, v in parts)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        raw_body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = verify(self.headers.get("X-EAL-Signature", ""), raw_body)
        self.send_response(204 if genuine else 400)  # answer first, work afterwards
        self.end_headers()
        if genuine:
            print(json.loads(raw_body)["type"], flush=True)


HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Receiver).serve_forever()
