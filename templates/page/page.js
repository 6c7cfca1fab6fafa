"use strict";
(async () => {
  const get = (id) => document.getElementById(id), all = (selector) => [...document.querySelectorAll(selector)];
  const data = JSON.parse(await unpacked(get("data").textContent));
  const SHOWN = 10, NOTHING = "—", { few: FEW, steps: STEPS, above: ABOVE, below: BELOW, least: LEAST } = data.range;
  const given = Object.fromEntries(Object.entries(data.symbols).map(([name, value]) => [name, BigInt(value)]));
  const free = () => Object.fromEntries(Object.entries(given).filter(([name]) => !(name in data.definitions)));
  let chosen = free();
  const rows = Object.fromEntries(all(".symbol").map((row) => [row.dataset.symbol, {
    range: row.querySelector("[type=range]"), field: row.querySelector("[type=number]"), follow: row.querySelector(".follow"),
    skips: row.querySelector(".skips"), grid: [],
  }]));

  /* Text that was deflated and written in base64. */
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  }

  const { words } = data, word = (number) => words[number];
  const numbered = new Map();
  const number = (condition) => numbered.get(condition.join(" ")) ?? numbered.set(condition.join(" "), numbered.size).size - 1;
  const programs = data.programs.map((program) => ({
    ...program, words, conditions: program.conditions.map((condition) => [...condition, number(condition)]), lives: program.lives.map((column) => data.columns[column]),
    pieces: program.pieces.map(([phase, tick, ...told]) => ({ phase: word(phase), tick, where: word(told[0]), line: word(told[1]), formula: word(told[2]) })),
  }));

  /* Whether a program is not the right one at these values; the condition that failed last is asked first. */
  function broken(program, values) {
    const place = program.conditions.findIndex((condition) => !values.holds(condition));
    if (place > 0) program.conditions.unshift(...program.conditions.splice(place, 1));
    return place >= 0 || !exact.hasMost(program, values);
  }

  /* The forms at chosen values, and the first program that holds there; null where a symbol is refused or none does. */
  function at(choice) {
    try {
      const values = new exact.Values(data, exact.bound(data.definitions, choice));
      const program = programs.find((one) => !broken(one, values));
      return program ? { values, program } : null;
    } catch (error) {
      if (error instanceof exact.Refused || error instanceof RangeError) return null;
      throw error;
    }
  }
  const taken = (name, value) => at({ ...chosen, [name]: value }) !== null;

  /* The values of a slider: those of a range around the given one for which the page has formulas, the others as they are. */
  function grid(name, now) {
    const top = max(BigInt(LEAST), given[name] * BigInt(ABOVE)), offered = new Set();
    if (top <= BigInt(FEW)) for (let v = 1n; v <= top; v++) offered.add(v);
    else {
      const stride = strideOf(name, now), first = max(1n, given[name] / BigInt(BELOW));
      const ratio = (Number(top) / Number(first)) ** (1 / STEPS);
      for (let i = 0; i <= STEPS; i++) {
        const target = BigInt(Math.round(Number(first) * ratio ** i));
        offered.add(max(stride, ((target + stride / 2n) / stride) * stride));
      }
      offered.add(given[name]);
    }
    offered.delete(now);
    const known = [...offered].filter((value) => taken(name, value)), had = new Set(known);
    const without = [...offered].filter((value) => !had.has(value) && !isRefused({ ...chosen, [name]: value })).length;
    rows[name].skips.hidden = !without;
    rows[name].skips.textContent = `${without} of ${without + known.length + 1} values skipped: no formulas here`;
    return [now, ...known].sort((a, b) => (a < b ? -1 : 1));
  }

  /* Whether the config refuses values: a symbol does, or every program has a demand of an op that is not met, or one lacks nothing else. */
  function isRefused(choice) {
    try {
      const values = new exact.Values(data, exact.bound(data.definitions, choice));
      const unmet = programs.map((one) => one.conditions.some((condition) => condition[3] && !values.holds(condition)));
      if (!unmet.some(Boolean)) return false;
      return unmet.every(Boolean) || programs.some((one, i) => unmet[i] && one.conditions.every((condition) => condition[3] || values.holds(condition)));
    } catch (error) {
      if (error instanceof exact.Refused || error instanceof RangeError) return true;
      throw error;
    }
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
      row.range.disabled = row.grid.length < 2;
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

  /* The tables of a program, where they are not those that stand here. */
  let standing = programs[0];
  for (const place of all("[data-body]")) data.bodies[place.dataset.body][0] = place.innerHTML;
  function stand(program) {
    for (const place of all("[data-body]")) {
      const { body } = place.dataset, number = program.bodies[body];
      if (number === standing.bodies[body]) continue;
      const open = place.querySelector(":scope > details")?.open;
      place.innerHTML = data.bodies[body][number];
      if (open) place.querySelector(":scope > details").open = true;
      for (const element of place.querySelectorAll(".formula")) notation.formula(element);
    }
    standing = program;
    get("holding").textContent = program.briefly.length ? "At these values the formulas hold while:" : "The formulas hold for all values of the symbols.";
    get("conditions").replaceChildren(...program.briefly.map((number) => {
      const item = document.createElement("li");
      item.append(cell("code", word(number)));
      return item;
    }));
    if (programs.length > 1) get("programs").textContent = `The page has ${programs.length} sets of formulas, one for each way that PyTorch takes in the range of the sliders as far as it was followed (--sets N follows it farther); these are set ${programs.indexOf(program) + 1}.`;
  }

  function peak(program, found) {
    const piece = program.pieces[found.all.index];
    get("peak").textContent = notation.binary(found.all.bytes);
    get("peak-bytes").textContent = notation.count(found.all.bytes);
    get("where").textContent = `In ${piece.phase}, at ${piece.where} (${piece.line}).`;
    notation.formula(get("peak-formula").firstElementChild, piece.formula);
    for (const row of all("[data-phase]")) {
      const { bytes, index } = found.phases[row.dataset.phase];
      row.querySelector(".binary").textContent = notation.binary(bytes);
      row.querySelector(".count").textContent = notation.count(bytes);
      notation.formula(row.querySelector(".form .formula"), program.pieces[index].formula);
    }
    return piece;
  }

  function cards(program, bytes) {
    let fitting = 0;
    for (const row of all("[data-card]")) {
      const card = program.cards[row.dataset.card], { segments, verdict: said } = exact.estimate(card, bytes, data.overheads[row.dataset.card]);
      const need = segments + BigInt(card.context);
      row.querySelector(".need").textContent = notation.binary(need);
      row.querySelector(".spare").textContent = notation.binary(BigInt(card.capacity) - need);
      row.querySelector(".said").textContent = said;
      row.querySelector(".said").dataset.answer = said;
      const fill = row.querySelector(".fill");
      fill.style.width = `${Math.min(100, (Number(need) / card.capacity) * 100)}%`;
      fill.dataset.answer = said;
      fitting += said === "fits";
    }
    get("fitting").textContent = `${fitting} of ${program.cards.length}`;
  }

  /* What is there after a tick, one entry for each label and kind, the largest first. */
  function alive({ program, values }, tick) {
    const [forms, births, deaths, labels, kinds] = program.lives, groups = new Map();
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
  function aliveRows(here, tick) {
    get("alive").tBodies[0].replaceChildren(...alive(here, tick).map((group) => {
      const row = document.createElement("tr"), head = cell("th", word(group.label)), form = document.createElement("td");
      head.scope = "row";
      const text = word(here.program.sums[tick]?.[`${group.label} ${group.kind}`]) ?? [...group.forms].map(([index, many]) => times(data.texts[index], many)).join(" + ");
      form.append(notation.formula(cell("span", "", "formula"), text));
      row.append(head, cell("td", word(group.kind)), cell("td", notation.binary(group.bytes), "num"), cell("td", notation.count(group.bytes), "num exact"), form);
      return row;
    }));
  }

  const sizesOf = ({ program, values }) => program.lives[0].map((form) => Number(values.form(form)));
  function curve({ program, values }, found) {
    const name = get("curve-symbol").value, row = rows[name], now = values.symbols[name];
    const stride = Math.max(1, Math.ceil(row.grid.length / 60));
    const points = row.grid.filter((v, i) => v === now || i % stride === 0).flatMap((v) => {
      const there = at({ ...chosen, [name]: v });
      return there ? [[Number(v), Number(exact.peaks(there.program, there.values).all.bytes)]] : [];
    });
    charts.drawCurve(get("curve"), get("curve-at"), name, points, [Number(now), Number(found.all.bytes)], program.cards);
  }

  function command() {
    const own = Object.entries(chosen).filter(([name]) => data.overridden.includes(name) || chosen[name] !== given[name]);
    return [data.command, ...own.map(([name, value]) => `${name}=${value}`)].join(" ");
  }

  function refuse(reason) {
    const banner = get("regime");
    banner.replaceChildren(reason);
    if (!reason.includes("refused at these values: it needs") && !reason.startsWith("These values are refused")) {
      banner.append(document.createElement("br"), "Ask for them: ", cell("code", command()), ", and for a page with ", cell("code", "--format html -o page.html"));
    }
    banner.hidden = false;
    document.body.classList.add("outside");
    numbers(null);
    for (const id of ["peak", "peak-bytes", "fitting"]) get(id).textContent = NOTHING;
    for (const spot of all("[data-phase] .binary, [data-phase] .count, .need, .spare, .said")) spot.textContent = NOTHING;
    for (const fill of all(".fill, .said")) delete fill.dataset.answer;
    for (const id of ["where", "course-at", "curve-at"]) get(id).textContent = "";
    get("alive").tBodies[0].replaceChildren();
  }

  /* Whether a bound of the same size by a number says more than another one. */
  function isTighter([left, relation, right], [other, sign, bound]) {
    const [mine, its] = [right, bound].map((form) => (data.forms[form].length === 1 && data.forms[form][0].length === 1 ? data.forms[form][0][0] : null));
    if (left !== other || relation !== sign || mine === null || its === null) return false;
    return relation === "<=" ? mine < its : relation === ">=" && mine > its;
  }

  /* Conditions that do not hold, without those that hold once a symbol has the one value that another one asks for. */
  function essential(conditions, symbols) {
    const asked = (condition) => {
      const [[left, ...more], [right, ...others]] = [data.forms[condition[0]], data.forms[condition[2]]];
      const name = data.atoms[left?.[1]], alone = left?.length === 3 && left[0] === 1 && left[2] === 1 && !more.length && typeof name === "string";
      return condition[1] === "==" && alone && right?.length === 1 && !others.length ? [name, BigInt(right[0])] : null;
    };
    const fixing = conditions.filter(asked);
    if (!fixing.length) return conditions;
    const there = new exact.Values(data, { ...symbols, ...Object.fromEntries(fixing.map(asked)) });
    return [...fixing, ...conditions.filter((condition) => !fixing.includes(condition) && !there.holds(condition))];
  }

  /* Why there are no numbers here: what symbols or ops refuse, or that no program of the page is the right one. */
  function reason() {
    try {
      const values = new exact.Values(data, exact.bound(data.definitions, chosen));
      shown(values);
      const failing = programs.map((one) => one.conditions.filter((condition) => !values.holds(condition)));
      const told = (conditions) => conditions.filter((one) => !conditions.some((other) => isTighter(other, one))).map((one) => word(one[4])).join(", ");
      if (failing.some((conditions) => !conditions.length)) return "No numbers: at these values another stage of the pipeline needs most, and this page has no formulas of it.";
      const asked = failing.find((conditions) => conditions.every((condition) => condition[3]));
      if (asked) return `The config is refused at these values: it needs ${told(asked)}.`;
      const needed = failing.map((conditions) => conditions.filter((condition) => condition[3]).map((condition) => condition[4]));
      const common = needed[0].filter((number) => needed.every((numbers) => numbers.includes(number)));
      if (common.length) return `No numbers: every set of formulas of this page needs ${common.map(word).join(", ")}; the config is most likely refused at these values.`;
      const nearest = failing.map((conditions) => essential(conditions, values.symbols)).reduce((least, conditions) => (conditions.length < least.length ? conditions : least));
      return `No numbers: at these values PyTorch takes kernels for which this page has no formulas, or the config is refused. The nearest formulas hold while ${told(nearest)}.`;
    } catch (error) {
      if (!(error instanceof exact.Refused || error instanceof RangeError)) throw error;
      return `These values are refused: ${error.message}.`;
    }
  }

  /* The address says what was moved; a browser lets it change only so often. */
  function addressed() {
    history.replaceState(null, "", `#${Object.entries(chosen).filter(([n, v]) => v !== given[n]).map(([n, v]) => `${n}=${v}`).join("&")}`);
  }

  let later = 0, addressing = 0;
  function update() {
    const here = at(chosen);
    get("command").textContent = `${command()} --format html -o page.html`;
    addressing = clearTimeout(addressing) ?? setTimeout(addressed, 400);
    clearTimeout(later);
    if (!here) return refuse(reason());
    const { program, values } = here;
    get("regime").hidden = true;
    document.body.classList.remove("outside");
    shown(values);
    stand(program);
    numbers(values);
    const found = exact.peaks(program, values), piece = peak(program, found);
    cards(program, found.all.bytes);
    aliveRows(here, piece.tick);
    const same = Object.entries(values.symbols).every(([name, value]) => given[name] === value);
    document.body.classList.toggle("moved", !same);
    get("state").textContent = same ? "as given" : "moved";
    later = setTimeout(() => {
      charts.drawCourse(get("course"), get("course-at"), program, sizesOf(here));
      curve(here, found);
    }, 30);
  }

  function choose(name, value) {
    chosen = { ...chosen, [name]: value };
    update();
  }
  const release = (name) => settle(at(chosen)?.values, name);

  for (const [name, row] of Object.entries(rows)) {
    row.range.addEventListener("input", () => choose(name, row.grid[Number(row.range.value)]));
    row.range.addEventListener("change", () => release(name));
    row.field.addEventListener("input", () => {
      if (/^\d{1,13}$/.test(row.field.value)) choose(name, BigInt(row.field.value)), release(null);
    });
    row.field.addEventListener("blur", () => shown(at(chosen)?.values));
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
  settle(at(chosen)?.values);
  update();
  document.documentElement.dataset.ready = "true";
})();
