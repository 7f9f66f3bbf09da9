"use strict";
const element = (id) => document.getElementById(id);

async function ask(fields) {
  let answer;
  try {
    answer = await fetch("guestbook.php", {method: "POST", body: new URLSearchParams(fields)});
  } catch {
    throw new Error("The guestbook cannot be reached.");
  }
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error || "The guestbook answers with status " + answer.status + ".");
  return body;
}

let known = [];

// The messages are one value, separated by commas, as in the original page.
async function read() {
  const body = await ask({cmd: "get", key: "messages"});
  const messages = body.data.split(",").filter(Boolean);
  // A copy of the database may lag behind what was written a moment ago.
  return messages.length < known.length ? known : messages;
}

function show(messages) {
  known = messages;
  element("empty").hidden = messages.length > 0;
  element("empty").removeAttribute("aria-busy");
  element("empty").textContent = "Nobody has written anything yet.";
  element("messages").replaceChildren(...messages.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
}

async function attempt(action) {
  try {
    await action();
    element("note").textContent = "";
  } catch (error) {
    element("empty").hidden = true;
    element("note").textContent = error.message;
  }
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const input = element("message");
    const text = input.value.replaceAll(",", " ").trim();
    if (!text) return;
    // Read anew: others may have written since this page was loaded.
    const messages = [...await read(), text];
    await ask({cmd: "set", key: "messages", value: messages.join(",")});
    input.value = "";
    show(messages);
  });
});

attempt(async () => show(await read()));
