// Whoever belongs to another team learns nothing of this one.
import { expect, test } from "@playwright/test";
import { launch, signIn, stateOf } from "./support";

test("a person of no team sees no run, and is refused one they know of", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await launch(mina, "private", { epochs: "1" });
  const url = mina.url();

  const otto = await (await browser.newContext({ storageState: stateOf("otto") })).newPage();
  await otto.goto("/runs");
  await expect(otto.getByText("private")).toHaveCount(0);
  const answer = await otto.goto(url);
  expect(answer?.status()).toBe(403);
  await expect(otto.getByText("private")).toHaveCount(0);
  await expect(otto.getByText(/You do not belong to that team/)).toBeVisible();
});

test("whoever is not signed in is sent to sign in, and back afterwards", async ({ browser }) => {
  const page = await (await browser.newContext({ storageState: { cookies: [], origins: [] } })).newPage();
  await page.goto("/people");
  await expect(page).toHaveURL(/\/sign-in\?next=/);
  await signIn(page, "mina");
});
