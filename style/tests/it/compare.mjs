// Compares two style sheets class by class, as Chromium reads them. `conformance.rs` calls it.
//
// In, as JSON: `wanted` and `made`, the texts of both; `words`, which may be classes; `utilities`, each with declarations that
// somebody claims for it. Out, as JSON: `classes`, those that have a rule; `different`, a sentence for each difference; `refuted`,
// a sentence for each claim that is not what `wanted` has.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const { chromium } = createRequire(join(process.env.SLIPWAY_END2END, "package.json"))("playwright-core");

const input = JSON.parse(readFileSync(0, "utf8"));
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
const page = await browser.newPage({ viewport: { width: 1300, height: 800 } });
const [wanted, made] = [await read(input.wanted, {}), await read(input.made, input.utilities)];
await browser.close();
process.stdout.write(JSON.stringify({ classes: Object.keys(made.rules), different: different(), refuted: refuted() }));

/** What a style sheet says: the rules of each word, their order, the registered variables, elements without a class, claims. */
async function read(css, claims) {
  await page.setContent('<!doctype html><div style="width: 400px; height: 300px"><div id="probe"></div></div><div id="plain"></div>');
  return page.evaluate(inPage, { css, names: [...input.words, ...Object.keys(input.utilities)], claims });
}

/** Runs in the page. */
function inPage({ css, names, claims }) {
  const style = document.createElement("style");
  style.textContent = css;
  document.head.append(style);
  const probe = document.getElementById("probe");
  // Two grounds to see declarations on: a new element, and one on which most properties are something else than at first.
  const odd =
    "display: inline-block; position: relative; margin: 3px; padding: 5px; opacity: 0.33; color: rgb(1 2 3); background: rgb(9 9 9); width: 11px;" +
    "height: 13px; min-width: 9px; font: italic 300 7px / 3px serif; visibility: hidden; border: 4px dotted rgb(4 5 6); outline: 3px dashed rgb(3 3 3);" +
    "fill: red; stroke: blue; text-align: justify; white-space: pre-line; overflow: clip; flex: 3 3 7px; gap: 7px; cursor: wait; clip-path: inset(9%);" +
    "text-decoration: overline";
  const said = (text) => ({
    text,
    // Which properties are declared, and which variables utilities work together by: then no ground hides a difference.
    names: [...new Set(declared(text))].sort().join(),
    reads: [...new Set([...text.matchAll(/var\((--tw-[\w-]+)/g)].map((found) => found[1]))].sort().join(),
    computed: ["", odd].map((ground) => {
      probe.style.cssText = `${ground}; ${text}`;
      return computed(probe, declared(text));
    }),
  });
  const declared = (text) => {
    const rule = new CSSStyleSheet();
    rule.replaceSync(`a { ${text} }`);
    return [...(rule.cssRules[0]?.style ?? [])];
  };
  const computed = (element, names) => {
    const all = getComputedStyle(element);
    return Object.fromEntries((names ?? [...all].filter((name) => !name.startsWith("--"))).map((name) => [name, all.getPropertyValue(name)]));
  };

  const flat = [];
  const registered = [];
  const walk = (rules, conditions, parent) => {
    for (const rule of rules) {
      switch (rule.constructor.name) {
        case "CSSStyleRule": {
          const own = rule.selectorText;
          const selector = !parent ? own : own.includes("&") ? own.replaceAll("&", parent) : `${parent} ${own}`;
          if (rule.style.length) flat.push({ conditions, selector, text: rule.style.cssText });
          walk(rule.cssRules, conditions, selector);
          break;
        }
        case "CSSNestedDeclarations":
          flat.push({ conditions, selector: parent, text: rule.style.cssText });
          break;
        case "CSSMediaRule":
          walk(rule.cssRules, [...conditions, `@media ${rule.media.mediaText}`], parent);
          break;
        case "CSSSupportsRule":
          walk(rule.cssRules, [...conditions, `@supports ${rule.conditionText}`], parent);
          break;
        case "CSSContainerRule":
          walk(rule.cssRules, [...conditions, `@container ${rule.containerName} ${rule.containerQuery}`], parent);
          break;
        case "CSSStartingStyleRule":
          walk(rule.cssRules, [...conditions, "@starting-style"], parent);
          break;
        case "CSSLayerBlockRule":
          walk(rule.cssRules, [...conditions, `@layer ${rule.name}`], parent);
          break;
        case "CSSPropertyRule":
          registered.push(rule.cssText.replace(/\s+/g, " "));
          break;
        case "CSSKeyframesRule":
          registered.push(rule.cssText.replace(/\s+/g, " "));
          break;
      }
    }
  };
  walk(style.sheet.cssRules, [], null);

  // A selector's classes, without their escapes.
  const classes = (selector) =>
    [...selector.matchAll(/\.((?:\\[0-9a-f]{1,6} ?|\\.|[\w-])+)/gi)].map((found) =>
      found[1].replace(/\\([0-9a-f]{1,6}) ?|\\(.)/gi, (_, hex, sign) => (hex ? String.fromCodePoint(parseInt(hex, 16)) : sign)),
    );
  const known = new Set(names);
  const rules = {};
  for (const rule of flat) {
    for (const name of new Set(classes(rule.selector).filter((name) => known.has(name)))) {
      const where = [...rule.conditions, rule.selector.replaceAll(`.${CSS.escape(name)}`, "&")].join(" ");
      (rules[name] ??= []).push({ where, ...said(rule.text) });
    }
  }
  const utilities = flat.filter((rule) => rule.conditions[0] === "@layer utilities").map((rule) => classes(rule.selector)[0]);
  const plain = document.getElementById("plain");
  const tags =
    "a abbr b blockquote button code dd details dialog dl dt em fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr img input kbd label " +
    "legend li main mark menu meter nav ol optgroup option p pre progress samp section select small span strong sub summary sup svg table tbody td textarea th thead time tr ul";
  const elements = {};
  for (const tag of tags.split(" ")) {
    const element = document.createElement(tag);
    plain.replaceChildren(element);
    elements[tag] = computed(element);
  }
  return {
    rules,
    order: [...new Set(utilities)],
    registered: registered.sort(),
    elements,
    claims: Object.fromEntries(Object.entries(claims).map(([name, text]) => [name, said(text)])),
  };
}

/** What differs between the two. */
function different() {
  const found = [];
  for (const name of input.words) {
    const [theirs, ours] = [wanted.rules[name] ?? [], made.rules[name] ?? []];
    const places = (rules) => rules.map((rule) => rule.where).sort().join("\n    ");
    if (places(theirs) !== places(ours)) {
      found.push(`${name} applies\n    ${places(ours) || "nowhere"}\n  and in Tailwind\n    ${places(theirs) || "nowhere"}`);
    }
    for (const rule of theirs) {
      const other = ours.find((other) => other.where === rule.where);
      const how = other && disagreement(other, rule);
      if (how) found.push(`${name} is { ${other.text} }, and in Tailwind { ${rule.text} }: ${how}`);
    }
  }
  const words = new Set(input.words);
  const [order, theirOrder] = [made, wanted].map((sheet) => sheet.order.filter((name) => words.has(name)));
  const at = theirOrder.findIndex((name, index) => name !== order[index]);
  if (at >= 0) found.push(`after ${theirOrder[at - 1]} comes ${order[at]}, and in Tailwind ${theirOrder[at]}`);
  const lacks = (of, other) => of.registered.filter((rule) => !other.registered.includes(rule));
  for (const rule of lacks(made, wanted)) found.push(`Tailwind has no ${rule}`);
  for (const rule of lacks(wanted, made)) found.push(`Tailwind has ${rule}`);
  for (const [tag, theirs] of Object.entries(wanted.elements)) {
    const how = unequal(made.elements[tag], theirs);
    if (how) found.push(`<${tag}> without a class: ${how}`);
  }
  return found;
}

/** Claims that are not what Tailwind's rule for the bare utility says. */
function refuted() {
  const found = {};
  for (const [name, claim] of Object.entries(made.claims)) {
    const rules = wanted.rules[name] ?? [];
    if (rules.length !== 1 || rules[0].where !== "@layer utilities &") found[name] = `Tailwind has ${rules.length} rules`;
    else {
      const how = disagreement(claim, rules[0]);
      if (how) found[name] = how;
    }
  }
  return found;
}

/** How declarations differ in what they do; nothing where only their text does. */
function disagreement(ours, theirs) {
  if (ours.text === theirs.text) return null;
  if (ours.names !== theirs.names) return `they declare ${ours.names || "nothing"} and ${theirs.names}`;
  if (ours.reads !== theirs.reads) return `they read ${ours.reads || "nothing"} and ${theirs.reads || "nothing"}`;
  return unequal(ours.computed[0], theirs.computed[0]) ?? unequal(ours.computed[1], theirs.computed[1]);
}

function unequal(ours, theirs) {
  const name = Object.keys(theirs).find((name) => ours[name] !== theirs[name]);
  return name ? `${name} is ${ours[name]}, in Tailwind ${theirs[name]}` : null;
}
