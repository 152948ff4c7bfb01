"use strict";
// Rows that fit are in the page. The others are packed: lines of JSON, made by the same template, which escapes them.
(async () => {
  const PAGE = 100;
  const byId = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");

  const lists = new Map();
  for (const element of document.querySelectorAll("ol.rows")) {
    const rows = Array.from(element.children, (row) => ({
      severity: row.dataset.severity, kind: row.dataset.kind, account: row.dataset.account,
      text: row.textContent.toLowerCase(), id: row.id, element: row,
    }));
    const name = element.dataset.list;
    lists.set(name, { element, rows, shown: PAGE, button: document.querySelector(`button.next[data-list="${name}"]`) });
  }

  const decoder = document.createElement("template");
  function elementOf(row) {
    if (!row.element) {
      decoder.innerHTML = row.html;
      row.element = decoder.content.firstElementChild;
      row.html = null;
    }
    return row.element;
  }
  const ENTITIES = { "&lt;": "<", "&gt;": ">", "&#39;": "'", "&#34;": '"', "&amp;": "&" };
  const textOf = (html) => html.replace(/<[^>]*>/g, "").replace(/&(?:lt|gt|amp|#3[49]);/g, (entity) => ENTITIES[entity]).toLowerCase();

  let problem = "";
  async function unpack() {
    const packed = byId("packed");
    if (!packed) return;
    if (!("DecompressionStream" in window)) {
      problem = "this browser is too old to show the others";
      return;
    }
    const bytes = Uint8Array.from(atob(packed.textContent), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    for (const line of (await new Response(stream).text()).split("\n")) {
      if (!line) continue;
      const [list, id, severity, kind, account, html] = JSON.parse(line);
      lists.get(list).rows.push({ severity, kind, account, id, html, text: textOf(html) });
    }
    packed.remove();
  }

  const severities = new Set();
  const search = byId("search"), kind = byId("kind"), account = byId("account");

  function matches() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const inAccount = account.value.trim().toLowerCase();
    return (row) =>
      (!severities.size || severities.has(row.severity)) &&
      (!kind.value || row.kind === kind.value) &&
      (!inAccount || row.account.includes(inAccount) || (names.get(row.account) || "").includes(inAccount)) &&
      words.every((word) => row.text.includes(word));
  }

  function show() {
    const match = matches();
    const counts = [];
    for (const [name, list] of lists) {
      const found = list.rows.filter(match);
      list.element.replaceChildren(...found.slice(0, list.shown).map(elementOf));
      const left = found.length - Math.min(found.length, list.shown);
      list.button.hidden = !left;
      list.button.textContent = `Show ${Math.min(left, PAGE).toLocaleString("en")} more of ${left.toLocaleString("en")}`;
      list.found = found;
      const total = list.rows.length;
      const number = found.length === total ? total.toLocaleString("en") : `${found.length.toLocaleString("en")} of ${total.toLocaleString("en")}`;
      if (name === "open") counts.push(`${number} ${total === 1 ? "finding" : "findings"}`);
      else {
        document.querySelector(`#${name} .total`).textContent = number;
        if (found.length && found.length !== total) counts.push(`${found.length.toLocaleString("en")} ${name === "quiet" ? "expected" : name}`);
      }
    }
    byId("count").textContent = counts.concat(problem || []).join(", ");
  }
  function filter() {
    for (const list of lists.values()) list.shown = PAGE;
    show();
  }
  function clear() {
    byId("filter").reset();
    severities.clear();
    for (const chip of document.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", "false");
    filter();
  }

  let waiting;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(filter, 80); };
  search.addEventListener("input", soon);
  account.addEventListener("input", soon);
  kind.addEventListener("change", filter);
  byId("filter").addEventListener("submit", (event) => event.preventDefault());
  byId("clear").addEventListener("click", clear);
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => {
      const severity = chip.dataset.filter;
      const pressed = !severities.has(severity);
      if (pressed) severities.add(severity); else severities.delete(severity);
      chip.setAttribute("aria-pressed", String(pressed));
      filter();
    });
  }
  for (const link of document.querySelectorAll("[data-show-severity], [data-show-kind]")) {
    link.addEventListener("click", () => {
      clear();
      kind.value = link.dataset.showKind || "";
      if (link.dataset.showSeverity) document.querySelector(`.chip[data-filter="${link.dataset.showSeverity}"]`).click();
      filter();
    });
  }
  for (const list of lists.values()) list.button.addEventListener("click", () => { list.shown += PAGE; show(); });

  const typing = (target) => target.matches("input, select, textarea");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      clear();
      if (typing(event.target)) event.target.blur();
    } else if (typing(event.target)) {
      return;
    } else if (event.key === "/") {
      event.preventDefault();
      search.focus();
      search.select();
    } else if (event.key === "j" || event.key === "k") {
      const rows = Array.from(document.querySelectorAll(".finding > details > summary")).filter((row) => row.offsetParent);
      const now = rows.findIndex((row) => row.closest(".finding").contains(document.activeElement));
      const next = rows[now < 0 ? 0 : now + (event.key === "j" ? 1 : -1)];
      if (next) { next.focus(); next.scrollIntoView({ block: "nearest" }); }
    }
  });

  function openLinked() {
    const id = location.hash.slice(1);
    for (const list of lists.values()) {
      const row = list.rows.find((one) => one.id === id);
      if (!row) continue;
      clear();
      if (list.rows.indexOf(row) >= PAGE) {
        search.value = id.slice(2);
        filter();
      }
      const group = list.element.closest("details");
      if (group) group.open = true;
      row.element.firstElementChild.open = true;
      row.element.scrollIntoView();
    }
  }
  window.addEventListener("hashchange", openLinked);

  // Paper cannot be opened: print what is shown with its explanations and fixes.
  const closed = [];
  window.addEventListener("beforeprint", () => {
    closed.push(...document.querySelectorAll("#list-open .finding > details:not([open]), .panel.warn:not([open])"));
    for (const details of closed) details.open = true;
  });
  window.addEventListener("afterprint", () => { for (const details of closed.splice(0)) details.open = false; });

  const names = new Map(Array.from(document.querySelectorAll(".accounts tbody tr"), (row) => [
    row.cells[0].textContent, row.cells[1].textContent.toLowerCase(),
  ]));
  await unpack();
  const accounts = new Set(Array.from(lists.values()).flatMap((list) => list.rows.map((row) => row.account)));
  byId("accounts").replaceChildren(...Array.from(accounts).sort().map((id) => Object.assign(document.createElement("option"), { value: id, label: names.get(id) || "" })));
  show();
  openLinked();
  document.documentElement.dataset.ready = "true";
})();
