// A person at a client of UCWA in JavaScript, without any package: it follows the published reference and its links,
// shares nothing with our code, and knows an address and a password. Node trusts the authority that is named in
// NODE_EXTRA_CA_CERTS.
//
// usage: follow.mjs ADDRESS, with the password in the first line of the input; the lines after it say what to do:
//   invite ADDRESS TEXT | write | leave | busy | quit
// A line on the output says what came of it. Whatever somebody says is answered.

import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";

const [address] = process.argv.slice(2);
const say = (line) => console.log(line);
let token;
let host;

// Sends a request; the status has to be one of those that the reference names.
async function ask(method, href, statuses, { body, type = "application/json", headers = {} } = {}) {
  const url = new URL(href, host);
  const sent = { Accept: "application/json", "X-Requested-With": "XMLHttpRequest", ...headers };
  if (token) sent.Authorization = token;
  if (body !== undefined) sent["Content-Type"] = type;
  const answer = await fetch(url, { method, headers: sent, body, redirect: "error" });
  const text = await answer.text();
  if (!statuses.includes(answer.status)) throw new Error(`${method} ${url.pathname}: ${answer.status} ${text}`);
  const json = /^application\/json/.test(answer.headers.get("Content-Type")) ? JSON.parse(text) : undefined;
  return { status: answer.status, headers: answer.headers, text, json };
}

const get = async (href) => (await ask("GET", href, [200])).json;
const post = (href, value, statuses) =>
  ask("POST", href, statuses, value === undefined ? {} : { body: JSON.stringify(value) });
const link = (resource, rel) => {
  const href = resource._links[rel]?.href;
  if (!href) throw new Error(`no link ${rel} in ${JSON.stringify(resource)}`);
  return href;
};

// "Understanding autodiscovery" and "Authentication using web tickets".
async function signIn(password) {
  host = `https://lyncdiscoverinternal.${address.split("@")[1]}/`;
  const user = link(await get("/"), "user");
  host = new URL(user).origin;
  const challenge = (await ask("GET", user, [401])).headers.get("WWW-Authenticate");
  const place = /MsRtcOAuth href="([^"]*)"/.exec(challenge)[1];
  const grant = new URLSearchParams({ grant_type: "password", username: address, password });
  const type = "application/x-www-form-urlencoded;charset='utf-8'";
  const { access_token, token_type } = (await ask("POST", place, [200], { body: grant.toString(), type })).json;
  token = `${token_type} ${access_token}`;
  const description = { userAgent: "follow/1.0", endpointId: randomUUID(), culture: "en-US" };
  return (await post(link(await get(user), "applications"), description, [201])).json;
}

// "Resources that can be updated": the whole resource back, on condition that nobody else changed it.
async function update(resource) {
  const condition = { "If-Match": `"${resource.etag}"` };
  const body = JSON.stringify(resource);
  return (await ask("PUT", link(resource, "self"), [200], { body, headers: condition })).json;
}

// "Batching requests": what several GET requests answer, in their order.
async function batch(place, hrefs) {
  const boundary = randomUUID();
  const part = (href) =>
    `--${boundary}\r\nContent-Type: application/http; msgtype=request\r\n\r\n` +
    `GET ${href} HTTP/1.1\r\nHost: ${new URL(host).host}\r\nAccept: application/json\r\n\r\n\r\n`;
  const answer = await ask("POST", place, [200], {
    body: hrefs.map(part).join("") + `--${boundary}--\r\n`,
    type: `multipart/batching;boundary=${boundary}`,
    headers: { Accept: "multipart/batching" },
  });
  const theirs = /boundary="?([^";]+)/.exec(answer.headers.get("Content-Type"))[1];
  const parts = answer.text.split(`--${theirs}`).slice(1, -1);
  return parts.map((text) => JSON.parse(text.slice(text.indexOf("{"), text.lastIndexOf("}") + 1)));
}

const decode = (uri) => decodeURIComponent(uri.slice(uri.indexOf(",") + 1).replaceAll("+", " "));
const encode = (text) => `data:text/plain;charset=utf-8,${encodeURIComponent(text).replaceAll("%20", "+")}`;
// Where the conversation is that goes on now.
let messaging;
// The application has been deleted, and with it the channel.
let over = false;

async function happened(type, event) {
  const { rel, href } = event.link;
  const resource = event._embedded?.[rel];
  if (rel === "messagingInvitation" && type === "started" && resource.direction === "Incoming") {
    const first = resource._links.message;
    say(`${resource._embedded.from.name} asks${first ? `: ${decode(first.href)}` : ""}`);
    await post(link(resource, "accept"), undefined, [204]);
  } else if (rel === "messagingInvitation" && type === "completed") {
    say(`invitation ${resource.direction} ${event.status} ${event.reason?.subcode ?? ""}`.trim());
  } else if (rel === "messaging" && resource) {
    if (resource.state !== messaging?.state) say(`messaging ${resource.state}`);
    messaging = resource;
  } else if (rel === "message" && resource.direction === "Incoming") {
    const sender = await get(link(resource, "participant"));
    const text = decode(link(resource, "plainMessage"));
    say(`${sender.name}: ${text}`);
    const answer = { body: `You said ${text}`, type: "text/plain" };
    await ask("POST", `${link(messaging, "sendMessage")}?operationContext=${randomUUID()}`, [201], answer);
  } else if (rel === "participant" && event.in?.rel === "typingParticipants") {
    say(`${(await get(href)).name} ${type === "added" ? "writes" : "writes no more"}`);
  } else if (rel === "conversation" && type === "deleted") {
    say("the conversation is over");
  }
}

// "Event channel": the next request is on its way before what came is looked at.
async function listen(place) {
  let coming = get(place);
  for (;;) {
    const { sender, _links } = await coming;
    coming = get((_links.resync ?? _links.resume ?? _links.next).href);
    // What fails while it is not awaited fails when it is.
    coming.catch(() => {});
    for (const { events } of sender) for (const event of events) await happened(event.type, event);
  }
}

async function obey(application, line) {
  const [word, to, ...text] = line.split(" ");
  const { me, communication } = application._embedded;
  if (word === "invite") {
    const invitation = { to: `sip:${to}`, operationId: randomUUID(), importance: "Normal", subject: "follow" };
    invitation._links = { message: { href: encode(text.join(" ")) } };
    const made = await post(link(communication, "startMessaging"), invitation, [201]);
    say(`invitation ${(await get(made.headers.get("Location"))).state}`);
  } else if (word === "write") {
    await post(link(messaging, "setIsTyping"), undefined, [204]);
  } else if (word === "leave") {
    await post(link(messaging, "stopMessaging"), undefined, [204]);
  } else if (word === "busy") {
    await post(link(await get(link(me, "self")), "presence"), { availability: "Busy" }, [204]);
  } else if (word === "quit") {
    over = true;
    await ask("DELETE", link(application, "self"), [204]);
    say("signed out");
    process.exit(0);
  }
}

async function main() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const application = await signIn((await lines.next()).value);
  const { me, people, communication } = application._embedded;
  say(`signed in as ${me.name}`);
  const available = { signInAs: "Online", supportedModalities: ["Messaging"], supportedMessageFormats: ["Plain"] };
  await post(link(me, "makeMeAvailable"), available, [204]);
  await update(await get(link(communication, "self")));
  const [contacts, policies] = await batch(link(application, "batch"), [
    link(people, "myContacts"),
    link(application, "policies"),
  ]);
  say(`contacts ${contacts._embedded.contact.map((contact) => contact.name).join(", ")}; ${policies.rel}`);
  listen(link(application, "events")).catch((error) => {
    if (over) return;
    say(`failed: ${error.message}`);
    process.exit(1);
  });
  for await (const line of lines) await obey(application, line);
}

await main();
