"""Reads a message of Web Push as a device would, with http-ece, and verifies who sent it, with py-vapid.

What was received is JSON on standard input: `body`, `private_key` and `auth` in base64url, `authorization` as it was
sent. On standard output is JSON with `text` and `claims`.
"""

import base64
import json
import sys

import http_ece
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


received = json.load(sys.stdin)
key = ec.derive_private_key(int.from_bytes(decoded(received["private_key"]), "big"), ec.SECP256R1())
text = http_ece.decrypt(
    decoded(received["body"]), private_key=key, auth_secret=decoded(received["auth"]), version="aes128gcm"
)
if not Vapid02.verify(received["authorization"]):
    sys.exit("the signature is wrong")
token = received["authorization"].partition("t=")[2].partition(",")[0]
json.dump({"text": text.decode(), "claims": json.loads(decoded(token.split(".")[1]))}, sys.stdout)
