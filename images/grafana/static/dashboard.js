"use strict";
// Draws the panels of a dashboard in Grafana's JSON model with uPlot, from what Prometheus says, again and again.
const COLOURS = ["#4c78a8", "#f58518", "#54a24b", "#e45756", "#72b7b2", "#b279a2", "#d4b106", "#9d755d", "#3b7f2f",
  "#ff9da6", "#7f7fd5", "#8a8a8a"];
const POINTS = 300, MIN_STEP = 15, MAX_LINES = 60;
const SECONDS = {s: 1, m: 60, h: 3600, d: 86400, w: 604800};
const grid = document.getElementById("panels"), note = document.getElementById("note");

function make(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

async function ask(path) {
  const answer = await fetch(path, {headers: {Accept: "application/json"}});
  if (answer.status === 401) location.assign("/login");
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(content.error || "status " + answer.status);
  return content;
}

const plain = (value) => Math.abs(value) >= 100 || value === 0 ? value.toFixed(0) : String(+value.toPrecision(3));
function scaled(value, base, units) {
  let index = 0;
  for (; Math.abs(value) >= base && index < units.length - 1; index++) value /= base;
  return plain(value) + units[index];
}
const FORMATS = {
  percentunit: (value) => plain(100 * value) + " %",
  percent: (value) => plain(value) + " %",
  bytes: (value) => scaled(value, 1024, [" B", " KiB", " MiB", " GiB", " TiB"]),
  reqps: (value) => plain(value) + " req/s",
  s: (value) => Math.abs(value) >= 1 || value === 0 ? plain(value) + " s" : plain(1000 * value) + " ms",
};
function formatted(value, unit) {
  if (value == null) return "–";
  return (FORMATS[unit] || ((number) => scaled(number, 1000, ["", " K", " M", " G", " T"])))(value);
}

// Grafana's way to write times: now, now-30m or milliseconds since 1970.
function moment(text) {
  const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(text);
  if (relative) return Date.now() / 1000 - (relative[1] ? relative[1] * SECONDS[relative[2]] : 0);
  if (/^\d{1,15}$/.test(text)) return text / 1000;
  throw new Error(`"${text}" is not a time; write now, now-30m or milliseconds since 1970`);
}

function windowOf(model) {
  const asked = new URLSearchParams(location.search), own = model.time || {};
  const end = moment(asked.get("to") || own.to || "now"), begin = moment(asked.get("from") || own.from || "now-30m");
  if (end <= begin) throw new Error("the time ends before it begins");
  const step = Math.max(MIN_STEP, Math.ceil((end - begin) / POINTS));
  // At multiples of the step: points stay where they are from one refresh to the next.
  const start = Math.floor(begin / step) * step;
  return {start, step, span: end - begin, times: Array.from({length: Math.floor((end - start) / step) + 1}, (_, i) => start + i * step)};
}

function named(labels, legend) {
  if (legend && legend !== "__auto") return legend.replace(/{{\s*(\w+)\s*}}/g, (_, label) => labels[label] || "");
  const rest = Object.entries(labels).filter(([label]) => label !== "__name__").map(([label, value]) => `${label}="${value}"`);
  return (labels.__name__ || "") + "{" + rest.join(", ") + "}";
}

async function linesOf(panel, sources, time) {
  const targets = (panel.targets || []).filter((target) => !target.hide);
  const found = await Promise.all(targets.map(async (target) => {
    const uid = (target.datasource || panel.datasource || {}).uid || (sources.find((one) => one.isDefault) || {}).uid;
    const query = target.expr.replaceAll("$__rate_interval", Math.max(4 * MIN_STEP, time.step) + "s")
      .replaceAll("$__interval", time.step + "s").replaceAll("$__range", Math.round(time.span) + "s");
    const fields = {query, start: time.start, end: time.times.at(-1), step: time.step};
    const answer = await ask(`/api/datasources/proxy/uid/${encodeURIComponent(uid)}/api/v1/query_range?${new URLSearchParams(fields)}`);
    return answer.data.result.map(({metric, values}) => {
      const points = time.times.map(() => null);
      for (const [when, value] of values) points[Math.round((when - time.start) / time.step)] = isFinite(value) ? +value : null;
      return {name: named(metric, target.legendFormat), points};
    }).sort((one, other) => one.name.localeCompare(other.name));
  }));
  return found.flat().map((line, index) => ({...line, colour: COLOURS[index % COLOURS.length]}));
}

function legendOf(lines, unit) {
  // What has ended (a pod that is gone) keeps its line, not its name.
  const rows = lines.filter((line) => line.points.slice(-2).some((value) => value !== null)).map((line) => {
    const value = make("b", {}), square = make("i", {});
    square.style.background = line.colour;
    return {line, value, row: make("li", {}, square, make("span", {textContent: line.name}), value)};
  });
  const show = (index) => rows.forEach(({line, value}) => {
    const at = index ?? line.points.findLastIndex((point) => point !== null);
    value.textContent = formatted(line.points[at], unit);
  });
  show();
  return {list: make("ul", {className: "legend"}, ...rows.map(({row}) => row)), show};
}

function chart(place, panel, all, time) {
  const {unit = "short", min} = (panel.fieldConfig || {}).defaults || {};
  const lines = all.slice(0, MAX_LINES), legend = legendOf(lines, unit);
  const colour = getComputedStyle(document.body).color, faint = {stroke: "#8883", width: 1};
  const range = (_, low, high) => [Math.min(min ?? low, low), high === low ? high + 1 : high + (high - low) / 20];
  const axis = {stroke: colour, grid: faint, ticks: faint};
  const upright = {...axis, size: 80, values: (_, ticks) => ticks.map((tick) => formatted(tick, unit))};
  if (unit === "bytes") upright.incrs = Array.from({length: 50}, (_, power) => 2 ** power);
  new uPlot({
    width: place.clientWidth, height: 220, legend: {show: false}, scales: {y: {range}}, axes: [axis, upright],
    series: [{}, ...lines.map((line) => ({label: line.name, stroke: line.colour, width: 1.5}))],
    hooks: {setCursor: [(plot) => legend.show(plot.cursor.idx)]},
  }, [time.times, ...lines.map((line) => line.points)], place);
  place.append(legend.list);
  if (all.length > MAX_LINES) place.append(make("small", {textContent: `and ${all.length - MAX_LINES} more`}));
}

async function draw(place, panel, sources, time) {
  const lines = panel.type === "timeseries" ? await linesOf(panel, sources, time) : [];
  const body = make("div", {});
  place.lastElementChild.replaceWith(body);
  if (panel.type !== "timeseries") body.textContent = `Panels of type ${panel.type} are not drawn here.`;
  else if (lines.every((line) => line.points.every((value) => value === null))) body.textContent = "No data";
  else chart(body, panel, lines, time);
}

async function refresh() {
  let pause = 15;
  try {
    const {dashboard} = await ask("/api/dashboards/uid/" + encodeURIComponent(grid.dataset.uid));
    const sources = await ask("/api/datasources"), time = windowOf(dashboard), panels = dashboard.panels || [];
    const [, number, unit] = /^(\d+)([smh])$/.exec(dashboard.refresh) || [];
    if (number) pause = Math.max(5, number * SECONDS[unit]);
    while (grid.children.length < panels.length) grid.append(make("article", {}, make("h2", {}), make("div", {})));
    await Promise.all(panels.map((panel, index) => {
      const place = grid.children[index];
      place.style.gridColumn = "span " + Math.min(24, (panel.gridPos || {}).w || 24);
      place.firstElementChild.textContent = panel.title || "";
      return draw(place, panel, sources, time).catch((error) =>
        place.lastElementChild.replaceWith(make("p", {role: "alert", textContent: error.message})));
    }));
    note.textContent = "As of " + new Date().toLocaleTimeString();
  } catch (error) {
    note.textContent = "Not refreshed: " + error.message;
  }
  note.removeAttribute("aria-busy");
  setTimeout(refresh, 1000 * pause);
}
refresh();
