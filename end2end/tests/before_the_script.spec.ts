// Between a page and its script lie seconds on a slow line: what somebody types or chooses in them is theirs.
import { expect, test, type Page } from "@playwright/test";
import { alive, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

/** Opens a page whose script waits until what comes back is called. */
async function withoutScript(page: Page, path: string): Promise<() => Promise<void>> {
  let come = () => {};
  const held = new Promise<void>((resolve) => (come = resolve));
  await page.route("**/*.wasm", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(path, { waitUntil: "domcontentloaded" });
  return async () => {
    come();
    await alive(page);
  };
}

test("what is typed before the script has come is kept", async ({ page }) => {
  const come = await withoutScript(page, "/runs/new");
  await page.locator("[name=name]").fill("Typed early");
  await page.locator("[name=model]").selectOption("mlp");
  await come();
  await expect(page.locator("[name=name]")).toHaveValue("Typed early");
  await expect(page.locator("[name=model]")).toHaveValue("mlp");
  // The form knows it too, and not only the field.
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator("#name-error")).toContainText("A name has only a–z, 0–9 and dashes");
  await expect(page.locator("[name=name]")).toHaveValue("Typed early");
});

test("a program that is chosen before the script has come is chosen", async ({ page }) => {
  const come = await withoutScript(page, "/runs/new");
  await page.locator("[name=program][value=command]").check();
  await page.locator("[name=image]").fill("busybox:7");
  await come();
  await expect(page.locator("[name=program][value=command]")).toBeChecked();
  // What would be applied follows the form.
  await expect(page.getByText("image: busybox:7")).toBeVisible();
});

test("filters that are set before the script has come filter", async ({ page }) => {
  let come = await withoutScript(page, "/nodes");
  await page.getByLabel("Name contains…").fill("gpu");
  await page.getByLabel("Product").selectOption("A100-SXM4-40GB");
  await page.getByLabel("Something free").check();
  await come();
  await expect(page).toHaveURL(/name=gpu/);
  await expect(page).toHaveURL(/product=A100-SXM4-40GB/);
  await expect(page).toHaveURL(/free=/);
  await expect(page.getByRole("link", { name: "gpu-b" })).toBeVisible();
  await expect(page.getByRole("link", { name: "gpu-a" })).toHaveCount(0);
  await expect(page.getByLabel("Name contains…")).toHaveValue("gpu");
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(page.getByRole("link", { name: "gpu-a" })).toBeVisible();
  await expect(page.getByLabel("Name contains…")).toHaveValue("");
  await expect(page.getByLabel("Product")).toHaveValue("");
  await expect(page.getByLabel("Something free")).not.toBeChecked();

  await page.unrouteAll();
  come = await withoutScript(page, "/runs");
  await page.getByLabel("Name contains…").fill("no-such-run");
  await page.getByLabel("Launched by…").fill("nobody");
  await come();
  await expect(page).toHaveURL(/name=no-such-run/);
  await expect(page).toHaveURL(/who=nobody/);
  await expect(page.getByText("No run fits these filters")).toBeVisible();
});

test("a password that is typed before the script has come is sent", async ({ page }) => {
  const come = await withoutScript(page, "/me");
  await page.getByLabel("Password now").fill("not my password");
  await page.getByLabel("New password", { exact: true }).fill("another battery staple");
  await page.getByLabel("New password again").fill("another battery");
  await come();
  await expect(page.getByLabel("Password now")).toHaveValue("not my password");
  await page.getByRole("button", { name: "Change password" }).click();
  await expect(page.getByText("The two new passwords differ")).toBeVisible();
});

test("what an admin chooses for a new person before the script has come is kept", async ({ browser }) => {
  const page = await (await browser.newContext({ storageState: stateOf("ada") })).newPage();
  const come = await withoutScript(page, "/people");
  const form = page.locator("form[data-form=invite]");
  await form.locator("[name=name]").fill("Not A Name");
  await form.getByLabel("Administers the whole platform").check();
  await come();
  await expect(form.getByLabel("Administers the whole platform")).toBeChecked();
  await form.getByRole("button", { name: "Make a one-time link" }).click();
  await expect(form.locator("#name-error")).toBeVisible();
  await expect(form.getByLabel("Administers the whole platform")).toBeChecked();
});
