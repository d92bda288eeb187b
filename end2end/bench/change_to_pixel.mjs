// How long a change in the cluster takes to a person's eye: from asking the API server for it to the frame that shows it.
// Prints {"p50_ms", "p99_ms", "changes"} for `cargo xtask bench`.
import { chromium } from "@playwright/test";
import { proxy, signIn } from "./stack.mjs";

const CHANGES = 200;
const { SLIPWAY_URL, CHROMIUM } = process.env;

/** Launches a run that no node can hold, so that only the changes made here happen to it. */
async function launch(page, name) {
  await signIn(page);
  await page.goto(`${SLIPWAY_URL}/runs/new`);
  await page.waitForFunction(() => document.documentElement.dataset.alive === "true");
  await page.locator("[name=name]").fill(name);
  await page.locator("[name=gpu]").first().selectOption("gpu");
  await page.locator("[name=gpu_count]").fill("64");
  await page.getByRole("button", { name: "Launch" }).click();
  await page.getByTestId("state").filter({ hasText: "waiting" }).waitFor();
}

const api = await proxy();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage();
  await launch(page, "blinking");
  const job = `http://127.0.0.1:${api.port}/apis/batch/v1/namespaces/default/jobs/blinking`;
  const took = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const suspend = change % 2 === 0;
    await page.evaluate((word) => {
      window.shown = new Promise((resolve) => {
        const state = document.querySelector("[data-testid=state]");
        const look = () => state.textContent.includes(word) && requestAnimationFrame(() => resolve(Date.now()));
        new MutationObserver(look).observe(state, { childList: true, characterData: true, subtree: true });
        look();
      });
    }, suspend ? "suspended" : "waiting");
    const asked = Date.now();
    const answer = await fetch(job, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: JSON.stringify({ spec: { suspend } }),
    });
    if (!answer.ok) throw new Error(`the API server said ${answer.status}: ${await answer.text()}`);
    took.push((await page.evaluate(() => window.shown)) - asked);
  }
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.ceil(share * took.length) - 1];
  console.log(JSON.stringify({ p50_ms: at(0.5), p99_ms: at(0.99), changes: CHANGES }));
} finally {
  await browser.close();
  api.child.kill();
}
