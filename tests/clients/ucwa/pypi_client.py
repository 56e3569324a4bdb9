"""A person at the client of others: the package `ucwa` of PyPI, as it is, from an address and a password.

usage: pypi_client.py AUTHORITY ADDRESS < PASSWORD

The package was written for an office in the cloud and for Python 2. So this program does what comes before and around
it: it finds the web host by Autodiscover, gets a token for the password at the place that the 401 names, and lends the
package the names of Python 2 that it uses. From the User document on it is the package that asks: it makes an
application, makes it available, polls, takes every invitation, greets, and hands over what is said; this program
answers. A line on the output says what came of it; the input may end whenever it likes.
"""

import re
import sys
import types
import urllib
import urllib.parse
import uuid
import warnings

import requests

for name in ("quote", "unquote", "unquote_plus"):
    setattr(urllib, name, getattr(urllib.parse, name))
# The package does not look at certificates, and requests warns each time.
warnings.simplefilter("ignore")

from ucwa import actions, events  # noqa: E402

# A header's value has to be a text.
actions.uuid = types.SimpleNamespace(uuid1=lambda: str(uuid.uuid1()))

CONFIG = {"redirect_uri": "https://portal.office.test"}


def say(line):
    print(line, flush=True)


def token(web, address, password):
    """The web host and a token for it, as the documents lead there."""
    domain = address.partition("@")[2]
    root = web.get(f"https://lyncdiscoverinternal.{domain}/", headers={"Accept": "application/json"}).json()
    user = root["_links"]["user"]["href"]
    challenge = web.get(user).headers["WWW-Authenticate"]
    place = re.search(r'MsRtcOAuth href="(.*?)"', challenge)[1]
    grant = {"grant_type": "password", "username": address, "password": password}
    answer = web.post(place, data=grant).json()
    host = urllib.parse.urlsplit(user)
    return f"{host.scheme}://{host.netloc}", answer["access_token"]


def main():
    authority, address = sys.argv[1:]
    password = sys.stdin.readline().rstrip("\n")
    web = requests.Session()
    # A bundle that the environment names would come first.
    web.trust_env, web.verify = False, authority
    resource, bearer = token(web, address, password)
    user = actions.do_user_discovery(resource, bearer, CONFIG)
    application = actions.register_application(resource, bearer, CONFIG)
    say(f"an application of {application['_embedded']['me']['name']}")
    assert user["_links"]["applications"]["href"].endswith("/ucwa/oauth/v1/applications")
    actions.set_available(resource, application["id"], bearer, CONFIG)
    say("available")

    def heard(text, messaging, host):
        say(f"heard {text}")
        actions.send_message(f"{host}{messaging}/messages", f"You said {text}", bearer, CONFIG["redirect_uri"])

    events.MESSAGE_CALLBACK = heard
    place = application["_links"]["events"]["href"]
    while True:
        answer = actions.oauth_stream_request(resource + place, bearer, CONFIG["redirect_uri"]).json()
        for sender in answer["sender"]:
            events.process_events(sender["events"], resource, bearer, CONFIG)
        place = answer["_links"]["next"]["href"]


main()
