// How long a change in the cluster takes to a person's eye: from asking the API server for it to the frame that shows it.
// Prints {"p50_ms", "p99_ms", "changes"} for `cargo xtask bench`.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chromium } from "@playwright/test";

const CHANGES = 200;
const password = "correct horse battery staple";
const { SLIPWAY_URL, SLIPWAY_ADMIN_LINK, SLIPWAY_KUBECONFIG_ADMIN, SLIPWAY_KUBERNETES, CHROMIUM } = process.env;

/** The API server without TLS and credentials, which belong to no figure. */
async function proxy() {
  const child = spawn(SLIPWAY_KUBERNETES, ["kubectl", "--kubeconfig", SLIPWAY_KUBECONFIG_ADMIN, "proxy", "--port=0"]);
  const [said] = await once(child.stdout, "data");
  return { child, address: `http://${/127\.0\.0\.1:\d+/.exec(String(said))[0]}` };
}

/** Launches a run that no node can hold, so that only the changes made here happen to it. */
async function launch(page, name) {
  await page.goto(SLIPWAY_ADMIN_LINK);
  await page.getByLabel("Name", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
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
  const job = `${api.address}/apis/batch/v1/namespaces/default/jobs/blinking`;
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
