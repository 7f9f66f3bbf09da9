"use strict";
const panels = document.getElementById("panels");
const note = document.getElementById("note");

async function refresh() {
  const query = new URLSearchParams({
    from: panels.dataset.from, to: panels.dataset.to, offset: -new Date().getTimezoneOffset(),
  });
  try {
    const answer = await fetch("/panels/" + encodeURIComponent(panels.dataset.uid) + "?" + query);
    if (answer.status === 401) {
      location.assign("/login");
      return;
    }
    if (!answer.ok) throw new Error("status " + answer.status);
    panels.innerHTML = await answer.text();
    note.textContent = "As of " + new Date().toLocaleTimeString();
  } catch (error) {
    note.textContent = "Not refreshed: " + error.message;
  }
  setTimeout(refresh, 1000 * Number(panels.dataset.refresh));
}
refresh();
