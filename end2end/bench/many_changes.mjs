// What many changes in the cluster do to pages that are open: a list of runs and the fleet, each in a window of its own.
// Writes SLIPWAY_RATE changes a second to watched objects for SLIPWAY_SECONDS, real ones, to the real API server, while somebody
// clicks; prints {"changes_per_s", "heap_growth_mb", "inp_ms", …} for `cargo xtask bench`. The heap is what is left after a forced
// collection, the WebAssembly's memory included; the start is after the first changes, when everything that is drawn is drawn.
import { Agent, request } from "node:http";
import { chromium } from "@playwright/test";
import { proxy, signIn } from "./stack.mjs";

const RUNS = 60;
const AT_ONCE = 16;
const WARM_UP = 15;
const { SLIPWAY_URL, CHROMIUM } = process.env;
const SECONDS = Number(process.env.SLIPWAY_SECONDS ?? 600);
const RATE = Number(process.env.SLIPWAY_RATE ?? 500);

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

/** Asks the API server, on connections that are kept; null where it asks to try again. */
function ask(api, method, path, body) {
  return new Promise((resolve, reject) => {
    const headers = body ? { "content-type": "application/strategic-merge-patch+json" } : {};
    const asked = request({ agent, host: "127.0.0.1", port: api.port, method, path, headers }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => (text += part));
      answer.on("end", () => {
        if (answer.statusCode < 300) resolve(JSON.parse(text));
        // Somebody else changed the object at this moment, or there are too many who ask.
        else if ([409, 429].includes(answer.statusCode)) resolve(null);
        else reject(new Error(`${path}: ${answer.statusCode} ${text}`));
      });
    });
    asked.on("error", reject);
    asked.end(body && JSON.stringify(body));
  });
}

/** Signs the first admin in and launches runs that no node can hold, so that only the changes made here happen to them. */
async function begin(context) {
  const page = await context.newPage();
  await signIn(page);
  for (let run = 0; run < RUNS; run += 1) {
    const form = {
      team: "default", name: `changing-${run}`, program: "command", image: "busybox:1", command: "true",
      cpu: "100m", memory: "64Mi", gpu: "gpu", gpu_count: "64",
    };
    const answer = await context.request.post(`${SLIPWAY_URL}/runs/new`, { form, maxRedirects: 0 });
    if (answer.status() !== 303) throw new Error(`${form.name} was not launched: ${answer.status()}`);
  }
  await page.close();
}

/** The changes: what the scheduler says of a waiting Pod, which is a row of the list, and now and then a node's label. */
async function targets(api) {
  const wanted = (pods) => pods.items.filter((pod) => pod.metadata.name.startsWith("changing-"));
  let pods = [];
  for (let tries = 0; pods.length < RUNS && tries < 120; tries += 1) {
    pods = wanted(await ask(api, "GET", "/api/v1/namespaces/default/pods"));
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  if (pods.length < RUNS) throw new Error(`only ${pods.length} of ${RUNS} runs have a Pod`);
  const nodes = (await ask(api, "GET", "/api/v1/nodes")).items.map((node) => node.metadata.name);
  return (change) => {
    if (change % 10 === 0) {
      const node = nodes[(change / 10) % nodes.length];
      return [`/api/v1/nodes/${node}`, { metadata: { labels: { "slipway.test/change": String(change) } } }];
    }
    const pod = pods[change % pods.length].metadata.name;
    // A sentence of a scheduler that nobody knows is shown as it is, so that each change is seen.
    const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message: `no room at change ${change}` };
    return [`/api/v1/namespaces/default/pods/${pod}/status`, { status: { conditions: [condition] } }];
  };
}

/** Writes changes at the rate asked for, or as fast as they are taken; counts those that were. */
function write(api, change) {
  const state = { written: 0, next: 0, ended: false };
  const begun = performance.now();
  const worker = async () => {
    while (!state.ended) {
      const due = begun + (state.next * 1000) / RATE;
      state.next += 1;
      const [path, body] = change(state.next);
      const wait = due - performance.now();
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
      if (await ask(api, "PATCH", path, body)) state.written += 1;
    }
  };
  state.done = Promise.all(Array.from({ length: AT_ONCE }, worker));
  return state;
}

/** A page that notes how long each interaction took to the next frame, and what it holds; in a window, for a tab that is behind another is not drawn. */
async function open(browser, storageState, path) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState });
  const page = await context.newPage();
  await page.addInitScript(() => {
    window.memories = new Set();
    for (const make of ["instantiate", "instantiateStreaming"]) {
      const original = WebAssembly[make];
      WebAssembly[make] = async (...given) => {
        const made = await original.apply(WebAssembly, given);
        const exported = Object.values((made.instance ?? made).exports);
        exported.filter((it) => it instanceof WebAssembly.Memory).forEach((memory) => window.memories.add(memory));
        return made;
      };
    }
    window.took = {};
    new PerformanceObserver((list) => {
      for (const { interactionId: id, duration } of list.getEntries()) {
        if (id) window.took[id] = Math.max(window.took[id] ?? 0, duration);
      }
    }).observe({ type: "event", durationThreshold: 16, buffered: true });
  });
  await page.goto(`${SLIPWAY_URL}${path}`);
  await page.waitForFunction(() => document.documentElement.dataset.alive === "true");
  const devtools = await context.newCDPSession(page);
  return { page, devtools, clicks: 0 };
}

/** Bytes that a page holds after a collection. */
async function held({ page, devtools }) {
  for (let round = 0; round < 3; round += 1) await devtools.send("HeapProfiler.collectGarbage");
  const { usedSize } = await devtools.send("Runtime.getHeapUsage");
  const wasm = await page.evaluate(() => [...window.memories].reduce((sum, memory) => sum + memory.buffer.byteLength, 0));
  return { script: usedSize, wasm };
}

/** The interaction to next paint: the slowest, leaving out one of each fifty. Those under 16 ms are not noted, and count as such. */
async function interaction({ page, clicks }) {
  const took = Object.values(await page.evaluate(() => window.took)).sort((a, b) => b - a);
  return { inp: took[Math.floor(clicks / 50)] ?? 16, clicks };
}

/** The newest change that the list shows. */
async function newest({ page }) {
  const text = await page.locator("main").innerText();
  const changes = [...text.matchAll(/no room at change (\d+)/g)].map((found) => Number(found[1]));
  if (changes.length === 0) throw new Error(`the list shows no change: ${text}`);
  return Math.max(...changes);
}

const api = await proxy();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const context = await browser.newContext();
  await begin(context);
  const signedIn = await context.storageState();
  const change = await targets(api);
  const runs = await open(browser, signedIn, "/runs");
  const fleet = await open(browser, signedIn, "/nodes");
  const writing = write(api, change);
  const failed = writing.done.then(() => new Promise(() => {}));
  const pause = (seconds) => Promise.race([failed, new Promise((resolve) => setTimeout(resolve, seconds * 1000))]);
  const clicked = async (tab, target) => {
    await target.click();
    tab.clicks += 1;
  };
  await pause(WARM_UP);
  const before = [await held(runs), await held(fleet)];
  const [begun, from] = [performance.now(), writing.written];
  const team = runs.page.locator("summary", { hasText: "All teams" });
  const free = fleet.page.getByLabel("Something free");
  while (performance.now() - begun < SECONDS * 1000) {
    await clicked(runs, team);
    await pause(1);
    await clicked(fleet, free);
    await pause(1);
  }
  const rate = ((writing.written - from) * 1000) / (performance.now() - begun);
  const behind = writing.next - (await newest(runs));
  for (const { page } of [runs, fleet]) {
    const said = await page.getByRole("status").allTextContents();
    if (!said.includes("live")) throw new Error(`${page.url()} is not live but says ${said}`);
  }
  const after = [await held(runs), await held(fleet)];
  const [inRuns, inFleet] = [await interaction(runs), await interaction(fleet)];
  writing.ended = true;
  await writing.done;
  const grown = before.map((first, at) => (after[at].script + after[at].wasm - first.script - first.wasm) / 1e6);
  console.log(JSON.stringify({
    changes_per_s: rate,
    heap_growth_mb: Math.max(...grown),
    inp_ms: Math.max(inRuns.inp, inFleet.inp),
    seconds: SECONDS,
    runs: { grown_mb: grown[0], before: before[0], after: after[0], behind, ...inRuns },
    fleet: { grown_mb: grown[1], before: before[1], after: after[1], ...inFleet },
  }));
} finally {
  await browser.close();
  api.child.kill();
}
