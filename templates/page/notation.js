"use strict";
/* Numbers and formulas as people read them: what analyzer/render/units.py and a typesetter do. */
const notation = (() => {
  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻", DIGITS = "0123456789−";
  const UNITS = [["TiB", 40n], ["GiB", 30n], ["MiB", 20n], ["KiB", 10n]];
  const TOKEN = /([A-Za-z]\w*)|([0-9][0-9\u202f]*)|([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)|(\s+)|(.)/gu;

  const count = (n) => String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");

  /* Bytes with a binary unit; a tie goes to the even digit, as Python rounds. */
  function binary(size) {
    const amount = size < 0n ? -size : size, sign = size < 0n ? "-" : "";
    for (const [unit, shift] of UNITS) {
      if (amount < 1n << shift) continue;
      const rest = (amount * 100n) & ((1n << shift) - 1n), half = 1n << (shift - 1n);
      let hundredths = (amount * 100n) >> shift;
      if (rest > half || (rest === half && hundredths & 1n)) hundredths += 1n;
      return `${sign}${count(hundredths / 100n)}.${String(hundredths % 100n).padStart(2, "0")} ${unit}`;
    }
    return `${sign}${amount} B`;
  }

  const node = (name, ...children) => {
    const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", name);
    made.append(...children);
    return made;
  };

  /* A symbol: what follows an underscore, or a number after one letter, below the line. */
  function named(name) {
    const [, head, below] = /^([A-Za-z])(\d+)$/.exec(name) ?? /^([^_]+)_(.+)$/.exec(name) ?? [null, name, ""];
    return below ? node("msub", node("mi", head), node(/^\d+$/.test(below) ? "mn" : "mi", below)) : node("mi", head);
  }

  const OPENING = "(⌊⌈", CLOSING = ")⌋⌉", SHORT = 16; // characters between parentheses that stay on one line

  /* The places between the parentheses of short groups. */
  function together(text) {
    const opened = [], inside = new Set();
    [...text].forEach((token, i) => {
      if (OPENING.includes(token)) opened.push(i);
      if (!CLOSING.includes(token)) return;
      const begin = opened.pop();
      if (i - begin <= SHORT) for (let at = begin; at < i; at++) inside.add(at);
    });
    return inside;
  }

  /* The Unicode text of a formula as MathML, in parts between which a line may end. */
  function typeset(text) {
    const parts = [[]], inside = together(text);
    for (const found of text.matchAll(TOKEN)) {
      const [token, name, number, power, space] = found;
      const part = parts[parts.length - 1];
      if (name) part.push(named(name));
      else if (number) part.push(node("mn", number));
      else if (power) part.push(node("msup", part.pop(), node("mn", [...power].map((c) => DIGITS[SUPERSCRIPTS.indexOf(c)]).join(""))));
      else if (space) continue;
      else if (token === "·") part.push(Object.assign(node("mspace"), {}));
      else {
        const sign = "+−=≤≥≠".includes(token) && part.length && !inside.has(found.index);
        if (sign) parts.push([]);
        const mark = node("mo", token);
        if ((OPENING + CLOSING).includes(token)) mark.setAttribute("stretchy", "false");
        if (token === "," ) mark.setAttribute("separator", "true");
        if (sign) mark.setAttribute("lspace", "0"), mark.setAttribute("rspace", "0.25em"); // the space between two parts stands before it
        parts[parts.length - 1].push(mark);
      }
    }
    const made = document.createDocumentFragment();
    parts.filter((part) => part.length).forEach((part, i) => {
      part.filter((e) => e.localName === "mspace").forEach((e) => e.setAttribute("width", "0.17em"));
      if (i) made.append(" ");
      made.append(node("math", ...part));
    });
    return made;
  }

  /* Typeset an element's text; the text stays what it is called and what is copied from its title. */
  function formula(element, text = element.textContent) {
    element.replaceChildren(typeset(text));
    element.title = text;
    return element;
  }

  return { binary, count, formula };
})();
