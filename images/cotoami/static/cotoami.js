const element = (id) => document.getElementById(id);
let current = null;

async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, {
      method, body: body && JSON.stringify(body), headers: body ? {"Content-Type": "application/json"} : {},
    });
  } catch {
    throw new Error("Cotoami cannot be reached.");
  }
  const content = await answer.json().catch(() => ({}));
  element("signin").hidden = answer.status !== 401;
  if (answer.status === 401) element("app").hidden = true;
  if (!answer.ok) throw new Error(content.error || "Cotoami answers with status " + answer.status + ".");
  return content;
}

// Every action ends with what the server has now, or with the reason why it did not happen.
async function attempt(action) {
  element("news").textContent = "";
  try {
    await action();
    element("note").textContent = "";
  } catch (error) {
    element("note").textContent = error.message === "not signed in" ? "" : error.message;
  }
}

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const button = (textContent, action) =>
  make("button", {type: "button", className: "small", textContent, onclick: () => attempt(action)});

function time(moment, changed) {
  const written = new Date(moment);
  const text = written.toLocaleString() + (changed === moment ? "" : " · changed " + new Date(changed).toLocaleString());
  return make("time", {dateTime: moment, textContent: text});
}

function shown(coto) {
  const article = make("article", {});
  const text = make("p", {className: "written", textContent: coto.content});
  const bar = make("footer", {}, make("small", {}, time(coto.inserted_at, coto.updated_at)), " ");
  bar.append(button("Change", () => article.replaceWith(form)), button("Remove", async () => {
    if (!confirm("Remove this coto?")) return;
    await ask("DELETE", "/api/cotos/" + coto.id);
    await load();
  }));
  const field = make("textarea", {rows: 3, maxLength: 2800, required: true, value: coto.content, ariaLabel: "Changed coto"});
  const form = make("form", {className: "changing"}, field, make("button", {textContent: "Save"}),
    make("button", {type: "button", className: "secondary", textContent: "Cancel", onclick: () => form.replaceWith(article)}));
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(async () => {
      await ask("PATCH", "/api/cotos/" + coto.id, {content: field.value});
      await load();
    });
  };
  article.append(text, bar);
  return article;
}

function link(textContent, key) {
  const anchor = make("a", {href: "#", textContent, onclick: (event) => {
    event.preventDefault();
    current = key;
    attempt(load);
  }});
  if (key === current) anchor.setAttribute("aria-current", "page");
  return make("li", {}, anchor);
}

async function load() {
  const {amishi} = await ask("GET", "/api/public/session");
  const {cotonomas} = await ask("GET", "/api/cotonomas");
  if (!cotonomas.some((one) => one.key === current)) current = null;
  const {cotos} = await ask("GET", current ? "/api/cotonomas/" + current + "/cotos" : "/api/cotos");
  element("app").hidden = false;
  element("who").textContent = amishi.email;
  element("of-cotonoma").hidden = !current;
  element("cotonomas").replaceChildren(link("All", null), ...cotonomas.map((one) => link(one.name, one.key)));
  element("empty").hidden = cotos.length > 0;
  element("cotos").replaceChildren(...cotos.map(shown));
}

function onsubmit(id, action) {
  element(id).onsubmit = (event) => {
    event.preventDefault();
    attempt(() => action(element(id).elements));
  };
}

onsubmit("signin", async ({email}) => {
  await ask("GET", "/api/public/signin/request/" + encodeURIComponent(email.value.trim()));
  element("signin").hidden = true;
  element("news").textContent = "A link is on its way to " + email.value + ". Open it to sign in.";
});
onsubmit("cotonoma-form", async (fields) => {
  current = (await ask("POST", "/api/cotonomas", {name: fields.namedItem("name").value})).key;
  fields.namedItem("name").value = "";
  await load();
});
onsubmit("coto-form", async ({content}) => {
  await ask("POST", "/api/cotos", {content: content.value, cotonoma_key: current});
  content.value = "";
  await load();
});
element("rename").onclick = () => attempt(async () => {
  const name = prompt("New name of this cotonoma");
  if (name === null) return;
  await ask("PATCH", "/api/cotonomas/" + current, {name});
  await load();
});
element("remove").onclick = () => attempt(async () => {
  if (!confirm("Remove this cotonoma? Its cotos stay.")) return;
  await ask("DELETE", "/api/cotonomas/" + current);
  await load();
});
attempt(load);
