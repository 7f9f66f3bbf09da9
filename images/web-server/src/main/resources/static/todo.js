"use strict";
const element = (id) => document.getElementById(id);
const make = (name, properties, ...children) => {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
};

function tell(message) {
  element("error").textContent = message;
  element("error").hidden = !message;
}

/* Token and name are kept for this tab: they survive a reload, and leave with it or when the token is refused. */
function show(signedIn) {
  element("signin").hidden = signedIn;
  element("todos").hidden = !signedIn;
  element("session").hidden = !signedIn;
  element("who").textContent = sessionStorage.getItem("name") || "";
  element(signedIn ? "title" : "user").focus();
}

function leave(message) {
  sessionStorage.clear();
  element("list").replaceChildren();
  show(false);
  tell(message);
}

/* The answer's content, or null after its error was told. */
async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = "Bearer " + token;
  let answer;
  let content = {};
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    if (answer.status !== 204) content = await answer.json();
  } catch {
    tell("The server does not answer; try again in a moment.");
    return null;
  }
  if (answer.status === 401) {
    leave("Please sign in again.");
    return null;
  }
  tell(answer.ok ? "" : content.error);
  return answer.ok ? content : null;
}

function count() {
  element("empty").hidden = element("list").childElementCount > 0;
}

function edit(item, todo) {
  const field = make("input", { type: "text", value: todo.title, maxLength: 200, required: true });
  field.setAttribute("aria-label", "New title");
  const cancel = make("button", { type: "button", textContent: "Cancel", onclick: () => item.replaceWith(entry(todo)) });
  const form = make("form", {}, field, make("button", { textContent: "Save" }), cancel);
  form.onsubmit = async (event) => {
    event.preventDefault();
    const changed = await ask("PATCH", "api/todos/" + todo.id, { title: field.value });
    if (changed) item.replaceWith(entry(changed));
  };
  item.replaceChildren(form);
  field.focus();
}

/* One todo. Only what changes is drawn anew: somebody may be writing into another one. */
function entry(todo) {
  const item = make("li", {});
  const box = make("input", { type: "checkbox", checked: todo.done });
  const title = make("span", { textContent: todo.title });
  const mark = () => { box.checked = todo.done; title.className = todo.done ? "title done" : "title"; };
  box.onchange = async () => {
    Object.assign(todo, await ask("PATCH", "api/todos/" + todo.id, { done: box.checked }));
    mark();
  };
  mark();
  const made = new Date(todo.created * 1000);
  const time = make("time", { dateTime: made.toISOString(), title: made.toString() },
    made.toLocaleString([], { dateStyle: "medium", timeStyle: "short" }));
  const remove = async () => {
    if (!await ask("DELETE", "api/todos/" + todo.id)) return;
    item.remove();
    count();
  };
  item.append(make("label", {}, box, title), time,
    make("button", { type: "button", textContent: "Change", onclick: () => edit(item, todo) }),
    make("button", { type: "button", textContent: "Remove", onclick: remove }));
  return item;
}

async function load() {
  const content = await ask("GET", "api/todos");
  if (!content) return;
  element("list").replaceChildren(...content.todos.map(entry));
  count();
}

element("signin").onsubmit = async (event) => {
  event.preventDefault();
  const name = element("user").value.trim();
  const content = await ask("POST", "api/signin", { user: name });
  if (!content) return;
  sessionStorage.setItem("token", content.token);
  sessionStorage.setItem("name", name);
  // Before anything can be added: a list that comes later would take it off the page again.
  await load();
  show(sessionStorage.getItem("token") !== null);
};

element("add").onsubmit = async (event) => {
  event.preventDefault();
  const todo = await ask("POST", "api/todos", { title: element("title").value });
  if (!todo) return;
  element("title").value = "";
  element("list").append(entry(todo));
  count();
};

element("signout").onclick = () => leave("");

const signedIn = sessionStorage.getItem("token") !== null;
if (signedIn) load().then(() => show(sessionStorage.getItem("token") !== null));
else show(false);
