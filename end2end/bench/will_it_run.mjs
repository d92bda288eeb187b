// What a key in the New run form costs until the answer beside it says what it comes to, on a cluster of 1,000 nodes: all of it in
// the browser, most of it in WebAssembly. Prints {"p50_ms", "p99_ms", "keys"} for `cargo xtask bench`.
import { chromium } from "@playwright/test";
import { signIn } from "./stack.mjs";

const KEYS = 200;
const { SLIPWAY_URL, PICTURE, CHROMIUM } = process.env;

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage();
  await signIn(page);
  await page.route("**/api/runs/picture*", (route) => route.fulfill({ path: PICTURE, contentType: "application/json" }));
  await page.goto(`${SLIPWAY_URL}/runs/new`);
  await page.waitForFunction(() => document.documentElement.dataset.alive === "true");
  await page.locator("[name=name]").fill("run");
  await page.locator("[name=gpu]").first().selectOption("gpu");
  // No node has room, which is the dearest answer: every shape near by is tried as well.
  const said = page.getByRole("region", { name: "What will be applied" }).getByRole("status");
  await page.locator("[name=gpu_count]").fill("4");
  await said.filter({ hasText: "Waits: needs 4" }).waitFor();
  const took = await page.evaluate(async (keys) => {
    const field = document.querySelector("[name=gpu_count]");
    const answer = document.querySelector("section[aria-label='What will be applied'] [role=status]");
    const took = [];
    for (let key = 0; key < keys; key += 1) {
      const said = new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          observer.disconnect();
          resolve(performance.now());
        });
        observer.observe(answer, { childList: true, characterData: true, subtree: true });
      });
      field.value = String(5 + (key % 4));
      const begun = performance.now();
      field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      took.push((await said) - begun);
      // As between two keys, the page may do what else it has to.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return took;
  }, KEYS);
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.ceil(share * took.length) - 1];
  console.log(JSON.stringify({ p50_ms: at(0.5), p99_ms: at(0.99), keys: KEYS }));
} finally {
  await browser.close();
}
