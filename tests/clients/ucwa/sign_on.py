"""A client of the UCWA kind up to the User document, from nothing but an address and a password.

usage: sign_on.py AUTHORITY ADDRESS < PASSWORD

It takes the steps of the published reference ("Understanding autodiscovery", "Authentication using web tickets"):
lyncdiscoverinternal, then lyncdiscover; https, then http, each asked for JSON; redirect documents; the 401 of the User
resource; the password grant; the User resource. It trusts the certificates of the file AUTHORITY and no others, follows
no redirect by status, and goes to no host outside the SIP domain. One line of JSON for each request says what came of it,
the last line is the User resource, and the first thing that does not lead on ends it with a sentence.
"""

import http.client
import json
import re
import socket
import ssl
import sys
import urllib.parse

# The most documents that lead to others.
MAX_HOPS = 5
PATIENCE = 10
FORM = "application/x-www-form-urlencoded;charset='utf-8'"


class Refused(Exception):
    """What does not lead on, as a sentence."""


class Client:
    def __init__(self, authority, address):
        self.address = address
        self.domain = address.partition("@")[2]
        self.tls = ssl.create_default_context(cafile=authority)

    def request(self, method, url, body=None, **headers):
        """Status, headers and body; nothing is asked of a host outside the SIP domain."""
        parts = urllib.parse.urlsplit(url)
        if not ("." + parts.hostname).endswith("." + self.domain):
            raise Refused(f"`{url}` is outside the SIP domain")
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=PATIENCE, context=self.tls)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=PATIENCE)
        try:
            target = parts.path + ("?" + parts.query if parts.query else "")
            connection.request(method, target, body, {"Accept": "application/json", **headers})
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        print(json.dumps({"request": f"{method} {url}", "status": response.status}), flush=True)
        return response.status, response.headers, answer

    def links(self, answer, url):
        status, headers, body = answer
        if status != 200:
            raise Refused(f"`{url}` answers {status}")
        if headers.get_content_type() != "application/json":
            raise Refused(f"`{url}` is no JSON but {headers['Content-Type']}")
        links = json.loads(body)["_links"]
        return {rel: link["href"] for rel, link in links.items()}

    def root(self):
        """The links of the first Root document that is found."""
        for host in ("lyncdiscoverinternal", "lyncdiscover"):
            for scheme in ("https", "http"):
                url = f"{scheme}://{host}.{self.domain}/"
                try:
                    answer = self.request("GET", url)
                except ssl.SSLCertVerificationError as error:
                    raise Refused(f"the certificate of `{url}` is not trusted: {error.verify_message}") from error
                except (socket.gaierror, ConnectionError, TimeoutError) as error:
                    print(json.dumps({"request": f"GET {url}", "error": str(error)}), flush=True)
                    continue
                return self.follow(self.links(answer, url))
        raise Refused("no Autodiscover service was found")

    def follow(self, links):
        """Goes on while a document says nothing but where to."""
        for _ in range(MAX_HOPS):
            url = links.get("redirect")
            if url is None:
                return links
            if not url.startswith("https://"):
                raise Refused(f"`{url}` is not https")
            links = self.links(self.request("GET", url), url)
        raise Refused("the documents lead round in a circle")

    def token(self, user, password):
        """The token endpoint is in the refusal of the User resource."""
        status, headers, _ = self.request("GET", user)
        challenges = headers.get_all("WWW-Authenticate", [])
        offered = [c for c in challenges if c.startswith("MsRtcOAuth ")]
        if status != 401 or not offered:
            raise Refused(f"`{user}` answers {status} and says nothing of MsRtcOAuth")
        parameters = dict(re.findall(r'(\w+)="([^"]*)"', offered[0]))
        if "password" not in parameters["grant_type"].split(","):
            raise Refused("no token is to be had for a password")
        grant = {"grant_type": "password", "username": self.address, "password": password}
        body = urllib.parse.urlencode(grant).encode()
        status, headers, answer = self.request("POST", parameters["href"], body, **{"Content-Type": FORM})
        answer = json.loads(answer)
        if status != 200:
            raise Refused(f"no token: {answer['error']}")
        if headers["Cache-Control"] != "no-store" or not 0 < answer["expires_in"] <= 8 * 3600:
            raise Refused("the token is not to be kept like that")
        return f"{answer['token_type']} {answer['access_token']}"

    def user(self, password):
        links = self.root()
        for _ in range(MAX_HOPS):
            user = links["user"]
            token = self.token(user, password)
            found = self.links(self.request("GET", user, Authorization=token), user)
            if "redirect" not in found:
                return found
            links = self.follow(found)
        raise Refused("the documents lead round in a circle")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: sign_on.py AUTHORITY.pem ADDRESS, with the password on standard input")
    authority, address = sys.argv[1:]
    try:
        print(json.dumps(Client(authority, address).user(sys.stdin.read())))
    except (Refused, OSError) as error:
        sys.exit(f"refused: {error}")


main()
