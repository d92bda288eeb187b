// The first admin signs in by the one-time link and invites an engineer of the team and one who belongs to none.
import { mkdirSync } from "node:fs";
import { expect, test } from "@playwright/test";
import { alive, password, stack, stateOf } from "./support";

test("the first admin signs in by the one-time link, once", async ({ page, browser }) => {
  mkdirSync("test-results/state", { recursive: true });
  await page.goto(stack.link);
  await page.getByLabel("Name", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await expect(page.getByRole("heading", { name: "Runs", exact: true })).toBeVisible();
  await page.context().storageState({ path: stateOf("ada") });

  const again = await (await browser.newContext({ baseURL: stack.url })).newPage();
  await again.goto(stack.link);
  await expect(again.getByRole("alert")).toContainText("link");
  await expect(again.getByRole("button", { name: "Set password and sign in" })).toHaveCount(0);
});

for (const name of ["mina", "otto"]) {
  test(`the admin invites ${name}, who chooses a password`, async ({ browser }) => {
    const admin = await (await browser.newContext({ baseURL: stack.url, storageState: stateOf("ada") })).newPage();
    await admin.goto("/people");
    await alive(admin);
    const form = admin.locator("form[data-form=invite]");
    await form.locator("[name=name]").fill(name);
    await form.locator("[name=team]").selectOption("default");
    await form.getByRole("button", { name: "Make a one-time link" }).click();
    const link = admin.getByLabel("One-time link");
    await expect(link).toHaveValue(/\/welcome\?token=/);

    const context = await browser.newContext({ baseURL: stack.url });
    const page = await context.newPage();
    await page.goto(await link.inputValue());
    await page.getByLabel("Name", { exact: true }).fill(name);
    await page.getByLabel("Password", { exact: true }).fill(password);
    await page.getByLabel("Password again").fill(password);
    await page.getByRole("button", { name: "Set password and sign in" }).click();
    await expect(page.getByRole("heading", { name: "Runs", exact: true })).toBeVisible();
    await context.storageState({ path: stateOf(name) });
  });
}

test("the admin takes otto out of the team", async ({ browser }) => {
  const admin = await (await browser.newContext({ baseURL: stack.url, storageState: stateOf("ada") })).newPage();
  await admin.goto("/people");
  await alive(admin);
  await admin.getByLabel("Role of otto in default").selectOption("");
  await expect(admin.getByRole("row", { name: /otto/ })).toContainText("in no team");
});
