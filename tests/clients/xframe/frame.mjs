// A browser as far as the script of the frame needs one. It runs the script of the file named first, with the origins
// named second, puts each message of standard input (lines of {origin, data}) to it, and prints what it asks and answers.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { runInNewContext } from "node:vm";

const [script, origins] = process.argv.slice(2);
const say = (kind, what) => console.log(JSON.stringify({ kind, ...what }));
const location = { href: "https://web.office.test/Autodiscover/XFrame/XFrame.html", origin: "https://web.office.test" };
const parent = { postMessage: (data, to) => say("answer", { to, data: JSON.parse(data) }) };
let listener;
const window = { parent, addEventListener: (_, heard) => (listener = heard) };
const fetch = async (url, { method, headers: asked, body }) => {
  const headers = [["X-Thing", "1"], ["Content-Type", "application/json"], ["ETag", '"7"']];
  headers.push(["WWW-Authenticate", 'Bearer trusted_issuers=""'], ["WWW-Authenticate", 'MsRtcOAuth href="https://o/"']);
  say("request", { url: String(url), method, headers: Object.fromEntries(asked), body });
  return new Response("found", { status: 200, statusText: "OK", headers });
};
runInNewContext(readFileSync(script, "utf8"), {
  document: { body: { dataset: { origins } } }, window, location, fetch, URL, Headers,
});
for await (const line of createInterface({ input: process.stdin })) {
  const { origin, data, foreign } = JSON.parse(line);
  await listener({ source: foreign ? {} : parent, origin, data });
}
