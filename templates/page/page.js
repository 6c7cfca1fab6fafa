"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const get = (id) => document.getElementById(id), all = (selector) => [...document.querySelectorAll(selector)];
  const FEW = 256, STEPS = 160, SHOWN = 10, NOTHING = "—";
  const given = Object.fromEntries(Object.entries(data.symbols).map(([name, value]) => [name, BigInt(value)]));
  const free = () => Object.fromEntries(Object.entries(given).filter(([name]) => !(name in data.definitions)));
  let chosen = free();
  const rows = Object.fromEntries(all(".symbol").map((row) => [row.dataset.symbol, {
    range: row.querySelector("[type=range]"), field: row.querySelector("[type=number]"), follow: row.querySelector(".follow"), grid: [],
  }]));

  /* Conditions that do not hold at these values; those that failed last are asked first. */
  const order = data.conditions.map((_, i) => i);
  function broken(values) {
    const at = order.findIndex((i) => !values.holds(data.conditions[i]));
    if (at > 0) order.unshift(...order.splice(at, 1));
    return at >= 0;
  }

  /* The forms at chosen values; null where a symbol is refused or the formulas do not hold. */
  function valued(choice) {
    try {
      const values = new exact.Values(data, exact.bound(data.definitions, choice));
      return broken(values) ? null : values;
    } catch (error) {
      if (error instanceof exact.Refused || error instanceof RangeError) return null;
      throw error;
    }
  }
  const taken = (name, value) => valued({ ...chosen, [name]: value }) !== null;

  /* The values of a slider: those of a range around the given one for which the formulas hold, the others as they are. */
  function grid(name, now) {
    const top = max(64n, given[name] * 16n), found = new Set();
    if (top <= BigInt(FEW)) for (let v = 1n; v <= top; v++) found.add(v);
    else {
      const stride = strideOf(name, now), first = max(1n, given[name] / 64n);
      const ratio = (Number(top) / Number(first)) ** (1 / STEPS);
      for (let i = 0; i <= STEPS; i++) {
        const target = BigInt(Math.round(Number(first) * ratio ** i));
        found.add(max(stride, ((target + stride / 2n) / stride) * stride));
      }
      found.add(given[name]);
    }
    const holding = [...found].filter((value) => value === now || taken(name, value));
    return [...new Set(holding.length > 1 ? [...holding, now] : [...found, now])].sort((a, b) => (a < b ? -1 : 1));
  }
  const max = (a, b) => (a > b ? a : b);

  /* The smallest divisor of the value in whose steps the formulas go on to hold. */
  function strideOf(name, now) {
    const divisors = [];
    for (let d = 1n; d * d <= now && d < 100000n; d++) if (now % d === 0n) divisors.push(d, now / d);
    divisors.sort((a, b) => (a < b ? -1 : 1));
    return divisors.find((d) => taken(name, now + d) && taken(name, now + 2n * d)) ?? 1n;
  }

  function settle(values, only = null) {
    for (const [name, row] of Object.entries(rows)) {
      const now = values?.symbols[name] ?? chosen[name] ?? given[name];
      if (name !== only && values) row.grid = grid(name, now);
      if (!row.grid.includes(now)) row.grid = [...row.grid, now].sort((a, b) => (a < b ? -1 : 1));
      row.range.max = row.grid.length - 1;
      row.range.value = row.grid.indexOf(now);
    }
  }

  function shown(values) {
    for (const [name, row] of Object.entries(rows)) {
      const now = values?.symbols[name] ?? chosen[name];
      if (now === undefined) continue;
      if (document.activeElement !== row.field) row.field.value = String(now);
      row.range.setAttribute("aria-valuetext", `${name} = ${notation.count(now)}`);
      row.follow?.setAttribute("aria-pressed", String(!(name in chosen)));
    }
  }

  const WRITERS = { count: notation.count, binary: notation.binary };
  function numbers(values) {
    for (const cell of all("[data-form]")) {
      cell.textContent = values ? WRITERS[cell.dataset.as](values.form(Number(cell.dataset.form))) : NOTHING;
    }
  }

  function peak(found) {
    const piece = data.pieces[found.all.index];
    get("peak").textContent = notation.binary(found.all.bytes);
    get("peak-bytes").textContent = notation.count(found.all.bytes);
    get("where").textContent = `In ${piece.phase}, at ${piece.where} (${piece.line}).`;
    notation.formula(get("peak-formula").firstElementChild, piece.formula);
    for (const row of all("[data-phase]")) {
      const { bytes, index } = found.phases[row.dataset.phase];
      row.querySelector(".binary").textContent = notation.binary(bytes);
      row.querySelector(".count").textContent = notation.count(bytes);
      notation.formula(row.querySelector(".form .formula"), data.pieces[index].formula);
    }
    return piece;
  }

  function cards(bytes) {
    let fitting = 0;
    for (const row of all("[data-card]")) {
      const card = data.cards[row.dataset.card], said = exact.verdict(card, bytes);
      const need = bytes + BigInt(card.workspaces) + BigInt(card.context);
      row.querySelector(".need").textContent = notation.binary(need);
      row.querySelector(".said").textContent = said;
      row.querySelector(".said").dataset.answer = said;
      const fill = row.querySelector(".fill");
      fill.style.width = `${Math.min(100, (Number(need) / card.capacity) * 100)}%`;
      fill.dataset.answer = said;
      fitting += said === "fits";
    }
    get("fitting").textContent = `${fitting} of ${data.cards.length}`;
  }

  /* What is there after a tick, one entry for each label and kind, the largest first. */
  function alive(values, tick) {
    const [forms, births, deaths, labels, kinds] = data.lives, groups = new Map();
    forms.forEach((form, i) => {
      if (births[i] > tick || (deaths[i] >= 0 && deaths[i] <= tick)) return;
      const key = `${labels[i]} ${kinds[i]}`, group = groups.get(key) ?? { label: labels[i], kind: kinds[i], bytes: 0n, forms: new Map() };
      group.bytes += values.form(form);
      group.forms.set(form, (group.forms.get(form) ?? 0) + 1);
      groups.set(key, group);
    });
    return [...groups.values()].sort((a, b) => (a.bytes < b.bytes ? 1 : a.bytes > b.bytes ? -1 : 0)).slice(0, SHOWN);
  }

  const times = (text, many) => (many === 1 ? text : `${many}·${/ [+−] /.test(text) ? `(${text})` : text}`);
  function cell(tag, text, name = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    made.className = name;
    return made;
  }
  function aliveRows(values, tick) {
    get("alive").tBodies[0].replaceChildren(...alive(values, tick).map((group) => {
      const row = document.createElement("tr"), head = cell("th", data.words[group.label]), form = document.createElement("td");
      head.scope = "row";
      const text = data.told_sums[data.sums[tick]?.[`${group.label} ${group.kind}`]] ?? [...group.forms].map(([index, many]) => times(data.texts[index], many)).join(" + ");
      form.append(notation.formula(cell("span", "", "formula"), text));
      row.append(head, cell("td", data.words[group.kind]), cell("td", notation.binary(group.bytes), "num"), cell("td", notation.count(group.bytes), "num exact"), form);
      return row;
    }));
  }

  const sizesOf = (values) => data.lives[0].map((form) => Number(values.form(form)));
  function peakAt(values) {
    return Number(exact.peaks(data, values).all.bytes);
  }
  function curve(values, found) {
    const name = get("curve-symbol").value, row = rows[name], now = values.symbols[name];
    const stride = Math.max(1, Math.ceil(row.grid.length / 60));
    const points = row.grid.filter((v, i) => v === now || i % stride === 0).flatMap((v) => {
      const there = valued({ ...chosen, [name]: v });
      return there ? [[Number(v), peakAt(there)]] : [];
    });
    charts.drawCurve(get("curve"), get("curve-at"), name, points, [Number(now), Number(found.all.bytes)], data.cards);
  }

  function command() {
    const own = Object.entries(chosen).filter(([name]) => data.overridden.includes(name) || chosen[name] !== given[name]);
    return [data.command, ...own.map(([name, value]) => `${name}=${value}`)].join(" ");
  }

  function refuse(reason) {
    const banner = get("regime");
    banner.replaceChildren(reason, document.createElement("br"), "Ask for them: ", cell("code", `${command()} --format html -o page.html`));
    banner.hidden = false;
    document.body.classList.add("outside");
    numbers(null);
    for (const id of ["peak", "peak-bytes", "fitting"]) get(id).textContent = NOTHING;
    for (const spot of all("[data-phase] .binary, [data-phase] .count, .need, .said")) spot.textContent = NOTHING;
    for (const fill of all(".fill, .said")) delete fill.dataset.answer;
    for (const id of ["where", "course-at", "curve-at"]) get(id).textContent = "";
    get("alive").tBodies[0].replaceChildren();
  }

  /* Why there are no numbers here. */
  function reason() {
    try {
      const values = new exact.Values(data, exact.bound(data.definitions, chosen));
      const failing = data.conditions.flatMap((condition, i) => (values.holds(condition) ? [] : [data.told[i]]));
      shown(values);
      return `At these values PyTorch takes other kernels or the config is refused: the formulas of this page hold while ${failing.join(", ")}. No numbers are shown.`;
    } catch (error) {
      if (!(error instanceof exact.Refused || error instanceof RangeError)) throw error;
      return `These values are refused: ${error.message}.`;
    }
  }

  let later = 0;
  function update() {
    const values = valued(chosen);
    get("command").textContent = `${command()} --format html -o page.html`;
    history.replaceState(null, "", `#${Object.entries(chosen).filter(([n, v]) => v !== given[n]).map(([n, v]) => `${n}=${v}`).join("&")}`);
    clearTimeout(later);
    if (!values) return refuse(reason());
    get("regime").hidden = true;
    document.body.classList.remove("outside");
    shown(values);
    numbers(values);
    const found = exact.peaks(data, values), piece = peak(found);
    cards(found.all.bytes);
    aliveRows(values, piece.tick);
    const same = Object.entries(values.symbols).every(([name, value]) => given[name] === value);
    document.body.classList.toggle("moved", !same);
    get("state").textContent = same ? "as given" : "moved";
    later = setTimeout(() => {
      charts.drawCourse(get("course"), get("course-at"), data, sizesOf(values));
      curve(values, found);
    }, 30);
  }

  function choose(name, value) {
    chosen = { ...chosen, [name]: value };
    update();
  }
  const release = (name) => settle(valued(chosen), name);

  for (const [name, row] of Object.entries(rows)) {
    row.range.addEventListener("input", () => choose(name, row.grid[Number(row.range.value)]));
    row.range.addEventListener("change", () => release(name));
    row.field.addEventListener("input", () => {
      if (/^\d{1,13}$/.test(row.field.value)) choose(name, BigInt(row.field.value)), release(null);
    });
    row.field.addEventListener("blur", () => shown(valued(chosen)));
    if (row.follow && name in data.definitions) row.follow.hidden = false;
    row.follow?.addEventListener("click", () => {
      const { [name]: own, ...others } = chosen;
      chosen = own === undefined ? { ...chosen, [name]: BigInt(row.field.value) } : others;
      update();
      release(null);
    });
  }
  get("reset").addEventListener("click", () => {
    chosen = free();
    update();
    release(null);
  });

  function restored() {
    for (const part of decodeURIComponent(location.hash.slice(1)).split("&")) {
      const [name, value] = part.split("=");
      if (name in given && /^\d{1,13}$/.test(value ?? "")) chosen[name] = BigInt(value);
    }
  }

  for (const element of all(".formula")) notation.formula(element);
  for (const name of Object.keys(given)) get("curve-symbol").append(new Option(name, name));
  get("curve-symbol").value = data.batch;
  get("curve-symbol").addEventListener("change", update);
  if (matchMedia("(max-width: 60rem)").matches) get("panel").open = false;
  addEventListener("resize", charts.resized);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", charts.recoloured);
  restored();
  settle(valued(chosen));
  update();
  document.documentElement.dataset.ready = "true";
})();
