"use strict";
/* Formulas at whole numbers of any size: what analyzer/evaluate.py, analyzer/functions.py and analyzer/build/symbols.py do, in BigInt. */
const exact = (() => {
  class Refused { // no Error: hundreds are thrown while sliders look for values
    constructor(message) {
      this.message = message;
    }
  }
  const big = (n) => BigInt(n);
  const abs = (a) => (a < 0n ? -a : a);
  const max = (...a) => a.reduce((x, y) => (y > x ? y : x));
  const min = (...a) => a.reduce((x, y) => (y < x ? y : x));
  const bits = (a) => (a === 0n ? 0n : big(abs(a).toString(2).length));

  function floordiv(a, b) {
    if (b === 0n) throw new Refused("divides by zero");
    const q = a / b;
    return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
  }
  const up = (a, b) => -floordiv(-a, b);
  const mod = (a, b) => a - b * floordiv(a, b);

  function gcd(...values) {
    return values.reduce((a, b) => {
      for (a = abs(a), b = abs(b); b; ) [a, b] = [b, a % b];
      return a;
    }, 0n);
  }

  function isqrt(n) {
    if (n < 0n) throw new Refused("the root of a negative number");
    if (n < 2n) return n;
    let x = 1n << ((bits(n) + 1n) / 2n);
    for (;;) {
      const y = (x + n / x) / 2n;
      if (y >= x) return x;
      x = y;
    }
  }

  /* analyzer/scratch.py */
  const power = (a) => 1n << (bits(max(a, 1n)) - 1n);
  function block(dim0, dim1, limit) {
    const p0 = dim0 >= limit ? limit : power(dim0), p1 = dim1 >= limit ? limit : power(dim1);
    const height = min(p1, limit / min(p0, 32n));
    return { width: min(p0, limit / height), height };
  }
  function ctas(values, grid, b, sms, threads) {
    const target = sms * floordiv(threads, b.width * b.height);
    if (values < 256n || grid > target) return 1n;
    return max(min(up(target, grid), up(values, 16n)), up(values, 256n));
  }
  function columns(rows, cols, neighbours, sms, threads) {
    const vector = mod(neighbours, 4n) === 0n ? 4n : mod(neighbours, 2n) === 0n ? 2n : 1n;
    const b = block(floordiv(cols, vector), rows, 512n / vector);
    const grid = up(floordiv(cols, vector), b.width);
    if (rows < min(b.height * 16n, 256n)) return [1n, grid, 0n];
    return [ctas(up(rows, b.height), grid, b, sms, threads), grid, b.width * vector];
  }
  function rowBlocks(outputs, inputs, sms, threads) {
    const b = block(inputs, outputs, 512n);
    if (up(inputs, b.width) < min(b.height * 16n, 256n)) return 1n;
    return ctas(up(inputs, b.width * b.height), outputs, b, sms, threads);
  }

  /* analyzer/cub.py */
  const aligned = (size) => up(size, 256n) * 256n;
  const states = (blocks, state) => aligned((blocks + 32n) * state) + 256n;
  const tile = (tiles, width, capability) => big(tiles[width].filter(([since]) => capability >= since).pop()[1]);
  const SORT_PAIRS = { 8: [[0, 2816], [80, 3840], [90, 4608]], 4: [[0, 11776], [80, 6528]] };
  const UNIQUE = { 8: [[0, 320], [80, 1344], [86, 320], [90, 4928]], 4: [[0, 704], [80, 2816], [86, 704], [90, 7168]] };
  const BY_KEY = {
    8: [[0, 2304], [80, 2240], [86, 2304], [90, 2464], [100, 5888]],
    4: [[0, 2304], [80, 3840], [86, 2304], [90, 4032], [100, 4480]],
  };
  const SCAN = { 8: [[0, 896]], 4: [[0, 1920]], 2: [[0, 3840]] };
  function sortPairs(n, largest, width, capability = 80n) {
    if (n <= 256n * floordiv(76n, width)) return 1n;
    const passes = up(bits(max(largest, 1n)), 8n), blocks = up(n, tile(SORT_PAIRS, width, capability));
    const copies = passes > 1n ? 2n * aligned(n * width) : 0n;
    return passes * 2048n + blocks * 1024n + copies + aligned(4n * passes) + 255n;
  }
  function scan(n, width) {
    const blocks = up(n, tile(SCAN, width, 0n)), padded = blocks + 32n;
    return width === 2n ? aligned(4n * padded) + 2n * aligned(2n * padded) + 511n : states(blocks, 2n * width) + 255n;
  }
  function scanByKey(n, width, capability = 80n) {
    const blocks = up(n, tile(BY_KEY, width, capability));
    return aligned((blocks + 32n) * 16n) + aligned(width * (blocks + 1n)) + 255n;
  }

  /* analyzer/kernel_scratch.py */
  function batchNorm(rows, channels, values) {
    let width = min(power(channels), 32n);
    const height = min(power(up(rows, 16n)), 512n / width);
    if (width * height !== 512n) width = min(power(channels), 512n / height);
    const blocks = min(up(rows, height * 16n), 128n);
    return blocks >= 8n ? 4n * values * channels * blocks + 4n * up(channels, width) : 0n;
  }
  function topk(slices, length, sms) {
    const items = max(4n, min(up(slices * length, sms * 1536n), 64n));
    return slices * up(length, items * 256n);
  }
  function splitCopy(most, chunks, ...parts) {
    let tiles = 0n, packed = 0n;
    for (let i = 0; i < parts.length; i += 2) tiles += parts[i] * up(parts[i + 1], 2048n);
    const rounds = up(tiles * chunks, most), iterations = up(rounds, min(isqrt(rounds - 1n) + 1n, chunks));
    for (let i = 0; i < parts.length; i += 2) packed += parts[i] * (4n + up(parts[i + 1], 2048n * iterations));
    return 8n * (packed + 1n);
  }

  /* analyzer/attention_scratch.py; Math.fround is C's float */
  function flashSplits(blocks, keyBlocks, sms) {
    const processors = Number(2n * sms), keys = Number(keyBlocks), many = Number(blocks), single = Math.fround;
    if (many >= single(single(0.8) * processors)) return 0n;
    const eligible = [], found = [];
    for (let n = 1; n <= Math.min(128, processors, keys); n++) {
      if (n > 1 && Math.ceil(keys / n) === Math.ceil(keys / (n - 1))) continue;
      eligible.push(n);
      found.push(single(single((many * n) / processors) / Math.ceil((many * n) / processors)));
    }
    const best = Math.max(...found), chosen = eligible.find((_, i) => found[i] >= 0.85 * best) ?? 1;
    return chosen > 1 ? big(chosen) : 0n;
  }
  function efficientSplits(heads, keys, width) {
    const whole = heads >= 256n && keys <= 2n * width ? 1n : up(keys, width);
    return max(1n, min(whole, floordiv(200n, heads)));
  }

  const KEPT = { 4: 6n, 3: 7n, 1: 2n }, MOVED = { 4: 11n, 3: 8n, 1: 4n };
  const functions = {
    floordiv, ceildiv: up, size: (a) => a, mod, max, min, gcd, isqrt,
    log2: (a) => bits(a) - 1n,
    pow2_ceil: (a) => 1n << bits(a - 1n),
    column_scratch(rows, cols, neighbours, sms = 108n, threads = 2048n, accumulator = 4n) {
      const [many, , width] = columns(rows, cols, neighbours, sms, threads);
      return many > 1n ? accumulator * cols * many * width : 0n;
    },
    column_semaphores(rows, cols, neighbours, sms = 108n, threads = 2048n) {
      const [many, grid] = columns(rows, cols, neighbours, sms, threads);
      return many > 1n ? 4n * grid : 0n;
    },
    row_scratch(outputs, inputs, sms = 108n, threads = 2048n, accumulator = 4n) {
      const many = rowBlocks(outputs, inputs, sms, threads);
      return many > 1n ? accumulator * outputs * many : 0n;
    },
    row_semaphores: (outputs, inputs, sms = 108n, threads = 2048n) => (rowBlocks(outputs, inputs, sms, threads) > 1n ? 4n * outputs : 0n),
    sort_pairs_scratch: sortPairs,
    unique_scratch: (n, width, capability = 80n) => states(up(n, tile(UNIQUE, width, capability)), 16n) + 255n,
    scan_scratch: scan, scan_by_key_scratch: scanByKey,
    batch_norm_scratch: batchNorm,
    layer_norm_partials: (rows, cols) => min(floordiv(32768n, up(cols, 32n)), up(rows, 32n)),
    cudnn_rnn_reserve: (steps, layers, gates) => steps * (KEPT[gates] * layers - 1n),
    cudnn_rnn_workspace: (weights, state, gates) => weights + state * MOVED[gates],
    topk_blocks: topk, split_copy_scratch: splitCopy, flash_splits: flashSplits, efficient_splits: efficientSplits,
  };

  /* Fractions [n, d] with d > 0, in lowest terms. */
  function ratio(n, d = 1n) {
    if (d === 0n) throw new Refused("divides by zero");
    const g = gcd(n, d) * (d < 0n ? -1n : 1n);
    return [n / g, d / g];
  }
  const plus = (a, b) => (a[1] === 1n && b[1] === 1n ? [a[0] + b[0], 1n] : ratio(a[0] * b[1] + b[0] * a[1], a[1] * b[1]));
  function whole([n, d]) {
    if (d !== 1n) throw new Refused(`${n}/${d} is not a whole number`);
    return n;
  }

  /* The terms of a form, their numbers read once. */
  function read(data, index) {
    data.read ??= new Array(data.forms.length);
    return (data.read[index] ??= data.forms[index].map(([number, ...powers]) => {
      const [above, below] = String(number).split("/");
      return [big(above), big(below ?? 1), powers];
    }));
  }

  /* A page's forms at one set of values. A form is a list of terms [number, atom, power, ...]; an atom is a name or [function, ...forms]. */
  class Values {
    constructor(data, symbols) {
      this.data = data;
      this.symbols = symbols;
      this.forms = new Array(data.forms.length);
      this.atoms = new Array(data.atoms.length);
      this.held = [];
    }
    form(index) {
      return (this.forms[index] ??= this.#sum(read(this.data, index)));
    }
    #sum(terms) {
      let sum = 0n, rest = null; // whole terms together, and fractions
      for (const [above, below, powers] of terms) {
        let n = above, d = below;
        for (let i = 0; i < powers.length; i += 2) {
          const base = this.atom(powers[i]), e = powers[i + 1];
          if (e > 0) n *= e === 1 ? base : base ** big(e);
          else d *= base ** big(-e);
        }
        if (d === 1n) sum += n;
        else rest = rest ? plus(rest, ratio(n, d)) : ratio(n, d);
      }
      return rest ? whole(plus(rest, [sum, 1n])) : sum;
    }
    atom(index) {
      return (this.atoms[index] ??= this.#called(this.data.atoms[index]));
    }
    #called(atom) {
      if (typeof atom === "string") return this.symbols[atom];
      const [name, ...args] = atom;
      return functions[name](...args.map((form) => this.form(form)));
    }
    /* A condition: two forms, their relation, and last its own number. */
    holds(condition) {
      return (this.held[condition[5]] ??= this.#compared(condition));
    }
    #compared([left, relation, right]) {
      try {
        const a = this.form(left), b = this.form(right);
        return relation === "==" ? a === b : relation === "!=" ? a !== b : relation === ">=" ? a >= b : a <= b;
      } catch (error) {
        if (error instanceof Refused || error instanceof RangeError) return false;
        throw error;
      }
    }
  }

  /* The tree of a symbol's definition: a name, a number, or [operator, ...trees]. */
  function tree(node, lookup) {
    if (typeof node === "string") return [lookup(node), 1n];
    if (typeof node === "number") return [big(node), 1n];
    const [name, ...parts] = node;
    if (name === "#") return [big(parts[0]), 1n];
    const args = parts.map((part) => tree(part, lookup)), [a, b] = args;
    switch (name) {
      case "+": return plus(a, b);
      case "-": return plus(a, [-b[0], b[1]]);
      case "neg": return [-a[0], a[1]];
      case "*": return ratio(a[0] * b[0], a[1] * b[1]);
      case "/": return ratio(a[0] * b[1], a[1] * b[0]);
      case "**": {
        const e = whole(b);
        return e < 0n ? ratio(a[1] ** -e, a[0] ** -e) : ratio(a[0] ** e, a[1] ** e);
      }
      case "ceil": return [up(...a), 1n];
      case "floor": return [floordiv(...a), 1n];
      case "//": return [floordiv(whole(a), whole(b)), 1n];
      case "%": return [mod(whole(a), whole(b)), 1n];
      case "sqrt": return [isqrt(whole(a)), 1n];
      default: return [functions[name](...args.map(whole)), 1n];
    }
  }

  /* All symbols from those that were chosen; the rest follow their definitions. Throws Refused. */
  function bound(definitions, chosen) {
    const values = {};
    const lookup = (name) => (values[name] ??= checked(name, chosen[name] ?? whole(tree(definitions[name], lookup))));
    const checked = (name, value) => {
      if (value < 1n || value > 10n ** 12n) throw new Refused(`${name} is ${value}: expected a whole number from 1 to 1,000,000,000,000`);
      return value;
    };
    for (const name of new Set([...Object.keys(chosen), ...Object.keys(definitions)])) lookup(name);
    return values;
  }

  /* Bytes at each piece of a program's step, in BigInt: what is born up to its tick and dies later. */
  function totals(program, values) {
    const [forms, births, deaths] = program.lives;
    program.changes ??= [...births.map((tick, i) => [tick, forms[i], true]), ...deaths.flatMap((tick, i) => (tick < 0 ? [] : [[tick, forms[i], false]]))].sort((a, b) => a[0] - b[0]);
    const { changes } = program;
    let at = 0, running = 0n;
    return program.pieces.map((piece) => {
      for (; at < changes.length && changes[at][0] <= piece.tick; at++) {
        const size = values.form(changes[at][1]);
        running = changes[at][2] ? running + size : running - size;
      }
      return running;
    });
  }

  /* The largest piece of each phase and of all; the first in time of equal ones. */
  function peaks(program, values) {
    const found = { phases: {}, all: null };
    totals(program, values).forEach((bytes, index) => {
      const { phase } = program.pieces[index];
      if (!(phase in found.phases) || bytes > found.phases[phase].bytes) found.phases[phase] = { bytes, index };
      if (!found.all || bytes > found.all.bytes) found.all = { bytes, index };
    });
    return found;
  }

  /* Of a pipeline: whether the stage that a program is of is the first of those that need most. */
  function hasMost(program, values) {
    if (!program.rivals.length) return true;
    const [own, before, behind] = program.rivals.map((forms) => max(0n, ...forms.map((form) => values.form(form))));
    return before < own && own >= behind;
  }

  /* What a card says to a peak, and the segments that it takes: the closed form and cuBLAS's workspaces, times what a replay took more than these elsewhere. */
  function estimate(card, peak, [took, formed] = []) {
    const wanted = peak + big(card.workspaces), segments = took > formed ? up(wanted * big(took), big(formed)) : wanted;
    const verdict = segments <= big(card.sure) ? "fits" : peak <= big(card.hopeful) ? "too close to call" : "does not fit";
    return { segments, verdict };
  }

  return { Refused, Values, bound, floordiv, functions, hasMost, estimate, peaks, totals, tree };
})();
