// Every page: axe finds nothing, nothing overflows, and its pictures are kept, light and dark, wide and narrow.
import AxeBuilder from "@axe-core/playwright";
import { expect, test, type Page } from "@playwright/test";
import { alive, launch, picture, stateOf } from "./support";

let run = "";

test.beforeAll(async ({ browser }, info) => {
  const page = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  // After a test that has failed the rest runs in another worker, which begins here again.
  await launch(page, `pictured-${info.workerIndex}`, { epochs: "3", tags: "example" });
  run = new URL(page.url()).pathname;
  await page.context().close();
});

const pages: [string, () => string][] = [
  ["runs", () => "/runs"],
  ["new-run", () => "/runs/new"],
  ["run-overview", () => run],
  ["run-logs", () => `${run}?tab=logs`],
  ["run-pods", () => `${run}?tab=pods`],
  ["run-events", () => `${run}?tab=events`],
  ["run-yaml", () => `${run}?tab=yaml`],
  ["nodes", () => "/nodes"],
  ["node", () => "/nodes/gpu-b"],
  ["people", () => "/people"],
  ["quotas", () => "/quotas"],
  ["quota", () => "/quotas/default"],
  ["quota-form", () => "/quotas/default?edit="],
  ["priorities", () => "/priorities"],
  ["teams", () => "/teams"],
  ["team", () => "/teams/default"],
  ["audit", () => "/audit"],
  ["layout", () => "/nodes/gpu-b/layout"],
  ["layout-picked", () => "/nodes/gpu-b/layout?config=all-balanced&drain=wait"],
  ["me", () => "/me"],
  ["not-found", () => "/nowhere"],
];

async function judge(page: Page, name: string) {
  for (const [width, height] of [[1440, 900], [390, 844]]) {
    await page.setViewportSize({ width, height });
    for (const scheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
      // Colours are judged as they stay, not on their way from one scheme to the other.
      await page.evaluate(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)));
      const found = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
      const said = found.violations.map((violation) => `${violation.id}: ${violation.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
      expect(said, `${name}, ${scheme}, ${width} px`).toEqual([]);
    }
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    expect(wide, `${name} scrolls sideways at ${width} px`).toBeLessThanOrEqual(0);
    await picture(page, `${name}-${width}`);
  }
}

for (const [name, path] of pages) {
  test(`${name} is readable by everybody`, async ({ page }) => {
    await page.goto(path());
    await alive(page);
    await judge(page, name);
  });
}

test("sign-in is readable by everybody", async ({ browser }) => {
  const page = await (await browser.newContext({ storageState: { cookies: [], origins: [] } })).newPage();
  await page.goto("/sign-in?error=Name+or+password+is+wrong&name=mina");
  await judge(page, "sign-in");
});

test("no page breaks the content security policy", async ({ page }) => {
  const broken: string[] = [];
  page.on("console", (message) => /Content Security Policy|panicked/.test(message.text()) && broken.push(message.text()));
  page.on("pageerror", (error) => broken.push(String(error)));
  for (const [, path] of pages) {
    await page.goto(path());
    await alive(page);
  }
  expect(broken).toEqual([]);
});
