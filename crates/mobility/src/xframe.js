"use strict";

// A page of an origin on the list asks by postMessage, this one asks the box, and what came goes back to that origin.
const origins = document.body.dataset.origins.split(" ");

window.addEventListener("message", async (event) => {
  if (event.source !== window.parent || !origins.includes(event.origin)) return;
  let asked;
  try {
    asked = JSON.parse(event.data);
  } catch {
    return;
  }
  const answer = await ask(asked, event.origin);
  event.source.postMessage(JSON.stringify({ ...answer, messageId: asked.messageId }), event.origin);
});

async function ask(asked, origin) {
  try {
    const url = new URL(asked.url, location.href);
    if (url.origin !== location.origin) return failed("not an address of this host");
    const method = (asked.type || "GET").toUpperCase();
    const response = await fetch(url, {
      method,
      headers: headers(asked, origin),
      body: method === "GET" || method === "HEAD" ? undefined : asked.data,
      cache: asked.cache === false ? "no-store" : "default",
    });
    return {
      status: response.status,
      statusText: response.statusText,
      responseText: await response.text(),
      headers: [...response.headers].map(([name, value]) => `${usual(name)}: ${value}\r\n`).join(""),
    };
  } catch (error) {
    return failed(String(error));
  }
}

function headers(asked, origin) {
  const headers = new Headers(asked.headers || {});
  if (typeof asked.accepts === "string") headers.set("Accept", asked.accepts);
  if (asked.contentType) headers.set("Content-Type", asked.contentType);
  // Last, so that no page writes another's.
  headers.set("X-Ms-Origin", origin);
  headers.set("X-Requested-With", "XMLHttpRequest");
  return headers;
}

// The names in their usual case, by which Microsoft's own library looks for them; `fetch` gives them in lower case.
function usual(name) {
  const usual = { "etag": "ETag", "www-authenticate": "WWW-Authenticate" };
  return usual[name] ?? name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

function failed(reason) {
  return { status: 0, statusText: reason, responseText: "", headers: "" };
}
