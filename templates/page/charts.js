"use strict";
/* The two charts: the course of the step by category, and the peak against one symbol. */
const charts = (() => {
  const CATEGORIES = [
    ["parameters", "#0072b2"], ["optimizer", "#56b4e9"], ["gradients", "#009e73"], ["inputs", "#8a8a8a"], ["kept", "#e69f00"], ["temporary", "#d55e00"],
  ];
  const GIB = 2 ** 30;
  const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const bytes = (gib) => notation.binary(BigInt(Math.round(gib * GIB)));
  const short = (gib) => (gib === 0 ? "0" : gib >= 1024 ? `${+(gib / 1024).toPrecision(3)} TiB` : gib >= 1 ? `${+gib.toPrecision(3)} GiB` : gib * 1024 >= 1 ? `${+(gib * 1024).toPrecision(3)} MiB` : `${+(gib * 1048576).toPrecision(3)} KiB`);
  const axis = (more) => ({ stroke: () => ink("--soft"), grid: { stroke: () => ink("--line"), width: 1 }, ticks: { stroke: () => ink("--line"), width: 1 }, font: "12px system-ui, sans-serif", ...more });
  const width = (box) => Math.max(260, box.clientWidth);

  /* Arrow keys move the cursor. */
  function keys(box, chart) {
    box.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step || !chart.u) return;
      event.preventDefault();
      const { u } = chart, last = u.data[0].length - 1;
      chart.at = Math.max(0, Math.min(last, (chart.at ?? 0) + step * (event.shiftKey ? Math.ceil(last / 20) : 1)));
      u.setCursor({ left: u.valToPos(u.data[0][chart.at], "x"), top: u.bbox.height / 4 });
    };
  }

  function drawn(chart, box, options, data) {
    chart.u?.destroy();
    box.replaceChildren();
    chart.u = new uPlot({ width: width(box), height: Math.min(340, Math.max(220, width(box) * 0.5)), ...options }, data, box);
    keys(box, chart);
  }

  /* The moments after each allocation of the step: what is held by category, from the values of the lives. */
  function moments(program, sizes) {
    const [, births, deaths, labels, , categories, ops] = program.lives, { words } = program;
    const spans = Object.entries(program.spans).flatMap(([phase, list]) => list.map(([from, to]) => [from, to, phase])).sort((a, b) => a[0] - b[0]);
    const changes = births.map((tick, i) => [tick, 1, i]).concat(deaths.flatMap((tick, i) => (tick < 0 ? [] : [[tick, -1, i]])));
    changes.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const place = new Map(CATEGORIES.map(([name], i) => [name, i])), running = CATEGORIES.map(() => 0);
    const found = { held: CATEGORIES.map(() => []), told: [], phases: [] };
    let span = 0;
    for (const [tick, sign, i] of changes) {
      running[place.get(words[categories[i]])] += sign * sizes[i];
      while (span < spans.length && tick >= spans[span][1]) span += 1;
      if (sign < 0 || span >= spans.length || tick < spans[span][0]) continue;
      running.forEach((value, c) => found.held[c].push(value));
      found.told.push([words[labels[i]], words[ops[i]]]);
      found.phases.push(spans[span][2]);
    }
    return found;
  }

  const course = {};
  function drawCourse(box, readout, program, sizes) {
    const { held, told, phases } = moments(program, sizes), n = told.length, x = Array.from({ length: n }, (_, i) => i);
    const shown = CATEGORIES.map((_, c) => c).filter((c) => held[c].some((v) => v > 0));
    let below = new Array(n).fill(0);
    const stacked = shown.map((c) => (below = held[c].map((v, i) => v / GIB + below[i])));
    const series = [...shown].reverse(), ys = [...stacked].reverse();
    const tell = (i) => {
      if (i == null) return (readout.textContent = "");
      const parts = shown.map((c) => `${CATEGORIES[c][0]} ${short(held[c][i] / GIB)}`);
      readout.textContent = `${phases[i]}: ${told[i][0]} (${told[i][1]}), ${bytes(ys[0][i])}: ${parts.join(", ")}`;
    };
    const starts = phases.flatMap((phase, i) => (i === 0 || phases[i - 1] !== phase ? [[i, phase]] : []));
    const marks = (u) => {
      const { ctx, bbox } = u, dpr = devicePixelRatio;
      ctx.save();
      ctx.font = `${12 * dpr}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      let free = -1;
      for (const [i, phase] of starts) {
        const at = u.valToPos(i, "x", true);
        ctx.strokeStyle = ink("--soft");
        ctx.setLineDash([3 * dpr, 3 * dpr]);
        ctx.beginPath();
        if (i) ctx.moveTo(at, bbox.top), ctx.lineTo(at, bbox.top + bbox.height);
        ctx.stroke();
        ctx.fillStyle = ink("--ink");
        const end = at + ctx.measureText(phase).width + 10 * dpr;
        if (at > free && end < bbox.left + bbox.width + 1) ctx.fillText(phase, at + 5 * dpr, bbox.top + 13 * dpr), (free = end);
      }
      ctx.restore();
    };
    drawn(course, box, {
      scales: { x: { time: false }, y: { range: (u, min, max) => [0, max * 1.12 || 1] } },
      axes: [axis({ show: false, size: 8 }), axis({ size: 70, splits: undefined, values: (u, v) => v.map(short), incrs: Array.from({ length: 50 }, (_, i) => 2 ** (i - 30)) })],
      series: [{}, ...series.map((c) => ({ label: CATEGORIES[c][0], stroke: CATEGORIES[c][1], fill: CATEGORIES[c][1], width: 1, points: { show: false }, paths: uPlot.paths.stepped({ align: 1 }) }))],
      legend: { show: true, live: false }, cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      hooks: { draw: [marks], setCursor: [(u) => tell(u.cursor.idx)] },
    }, [x, ...ys]);
  }

  const curve = {};
  function drawCurve(box, readout, name, points, here, cards) {
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1] / GIB), top = Math.max(...ys), least = Math.min(...ys);
    const rooms = new Map();
    for (const card of cards) {
      const room = card.capacity / GIB;
      if (room < top * 2 && room > least / 2) rooms.set(room, [...(rooms.get(room) ?? []), card.name]);
    }
    const wide = xs.length > 2 && xs[xs.length - 1] / xs[0] > 20;
    const marks = (u) => {
      const { ctx, bbox } = u, dpr = devicePixelRatio, right = bbox.left + bbox.width;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top - 1, bbox.width, bbox.height + 2);
      ctx.clip();
      ctx.font = `${11 * dpr}px system-ui, sans-serif`;
      ctx.textAlign = "left";
      ctx.textBaseline = "bottom";
      const lines = [...rooms].sort((a, b) => a[0] - b[0]).map(([room, names]) => [u.valToPos(room, "y", true), names.length > 2 ? `${names[0]}, …` : names.join(", ")]);
      ctx.strokeStyle = ink("--soft");
      ctx.setLineDash([5 * dpr, 4 * dpr]);
      for (const [y] of lines) {
        ctx.beginPath();
        ctx.moveTo(bbox.left, y), ctx.lineTo(right, y);
        ctx.stroke();
      }
      let last = Infinity;
      for (const [y, text] of lines) {
        if (last - y < 14 * dpr || y < bbox.top + 12 * dpr) continue;
        const start = bbox.left + 6 * dpr;
        ctx.fillStyle = ink("--paper"); // no other card's line strikes the name through
        ctx.fillRect(start - 2 * dpr, y - 14 * dpr, ctx.measureText(text).width + 4 * dpr, 13 * dpr);
        ctx.fillStyle = ink("--soft");
        ctx.fillText(text, start, y - 2 * dpr), (last = y);
      }
      ctx.setLineDash([]);
      const x = u.valToPos(here[0], "x", true), y = u.valToPos(here[1] / GIB, "y", true);
      ctx.fillStyle = ink("--accent");
      ctx.beginPath();
      ctx.arc(x, y, 5 * dpr, 0, 2 * Math.PI);
      ctx.fill();
      ctx.restore();
    };
    const tell = (i) => (readout.textContent = i == null ? "" : `${name} = ${notation.count(xs[i])}: peak ${bytes(ys[i])}`);
    drawn(curve, box, {
      scales: { x: { time: false, distr: wide ? 3 : 1, range: (u, low, high) => [low, high > low ? high : low + 1] }, y: { distr: top / least > 30 ? 3 : 1, ...(top / least > 30 ? {} : { range: (u, min, max) => [0, max * 1.08] }) } },
      axes: [axis({ values: (u, v) => v.map((n) => (n == null ? "" : notation.count(n))) }), axis({ size: 70, values: (u, v) => v.map((n) => (n == null ? "" : short(n))), ...(top / least > 30 ? {} : { incrs: Array.from({ length: 50 }, (_, i) => 2 ** (i - 30)) }) })],
      series: [{}, { label: "peak", stroke: () => ink("--accent"), width: 2, points: { show: xs.length < 30, size: 5 } }],
      legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
      hooks: { draw: [marks], setCursor: [(u) => tell(u.cursor.idx)] },
    }, [xs, ys]);
  }

  function resized() {
    for (const [chart, id] of [[course, "course"], [curve, "curve"]]) {
      const box = document.getElementById(id);
      chart.u?.setSize({ width: width(box), height: Math.min(340, Math.max(220, width(box) * 0.5)) });
    }
  }
  const recoloured = () => [course, curve].forEach((chart) => chart.u?.redraw(false));
  return { drawCourse, drawCurve, recoloured, resized };
})();
