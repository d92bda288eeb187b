// A page and its stream: nothing that happens between the two is missed.
import { expect, test, type Page } from "@playwright/test";
import { alive, becomes, launch, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

/** Lets no stream of a page begin before what comes back is called. */
async function withoutStream(page: Page): Promise<() => Promise<void>> {
  let begin = () => {};
  const held = new Promise<void>((resolve) => (begin = resolve));
  await page.route("**/live?*", async (route) => {
    await held;
    await route.continue();
  });
  return async () => {
    begin();
    await page.unrouteAll({ behavior: "wait" });
  };
}

test("what happens between a page and the beginning of its stream is shown", async ({ page, browser }) => {
  const other = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  const done = { program: "command", image: "busybox:1", command: "true", cpu: "100m", memory: "64Mi" };
  for (const name of ["goes-first", "goes-second"]) {
    await launch(other, name, done);
    await becomes(other, "succeeded");
  }
  const forget = async (name: string) => {
    await other.goto("/runs");
    await other.getByRole("link", { name }).click();
    await other.getByRole("link", { name: "Delete…" }).click();
    await other.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await expect(other.getByRole("heading", { name: "Runs", exact: true })).toBeVisible();
    await expect(other.getByRole("link", { name })).toHaveCount(0);
  };
  const shown = (name: string) => page.getByRole("link", { name, exact: true });

  // The page as the server rendered it.
  let begin = await withoutStream(page);
  await page.goto("/runs");
  await alive(page);
  await forget("goes-first");
  await expect(shown("goes-first")).toBeVisible();
  await begin();
  await expect(shown("goes-first")).toHaveCount(0);

  // A page that was opened by a link.
  await page.goto("/me");
  await alive(page);
  begin = await withoutStream(page);
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await expect(shown("goes-second")).toBeVisible();
  await forget("goes-second");
  await expect(shown("goes-second")).toBeVisible();
  await begin();
  await expect(shown("goes-second")).toHaveCount(0);
});
