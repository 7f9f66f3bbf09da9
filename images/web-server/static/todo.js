"use strict";
const element = (id) => document.getElementById(id);
const tell = (message) => { element("error").textContent = message; };

/* The token is kept for this tab; it leaves with it or when the server does not take it any more. */
function show(signedIn) {
  element("signin").hidden = signedIn;
  element("todos").hidden = !signedIn;
}

async function ask(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = "Bearer " + token;
  let answer;
  let content = {};
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    if (answer.status !== 204) content = await answer.json();
  } catch (error) {
    tell("The server does not answer: " + error.message);
    return null;
  }
  if (answer.status === 401) {
    sessionStorage.removeItem("token");
    show(false);
    tell(token ? "Please begin again: " + content.error : "");
    return null;
  }
  tell(answer.ok ? "" : content.error);
  return answer.ok ? content : null;
}

function entry(todo) {
  const item = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: todo.done });
  const title = Object.assign(document.createElement("span"), { textContent: todo.title });
  const remove = Object.assign(document.createElement("button"), { textContent: "Remove" });
  title.className = todo.done ? "done" : "";
  box.onchange = async () => { await ask("PATCH", "api/todos/" + todo.id, { done: box.checked }); await load(); };
  remove.onclick = async () => { await ask("DELETE", "api/todos/" + todo.id); await load(); };
  label.append(box, " ", title);
  item.append(label, " ", remove);
  return item;
}

async function load() {
  const content = await ask("GET", "api/todos");
  if (!content) return;
  show(true);
  element("list").replaceChildren(...content.todos.map(entry));
}

element("signin").onsubmit = async (event) => {
  event.preventDefault();
  const content = await ask("POST", "api/token", { user: element("user").value.trim() });
  if (!content) return;
  sessionStorage.setItem("token", content.token);
  await load();
};

element("add").onsubmit = async (event) => {
  event.preventDefault();
  if (!await ask("POST", "api/todos", { title: element("title").value })) return;
  element("title").value = "";
  await load();
};

if (sessionStorage.getItem("token")) load(); else show(false);
