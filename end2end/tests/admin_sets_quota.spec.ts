// Shares: an admin sees what a quota would break before it is set, an engineer asks for more, and nobody overwrites anybody.
import { expect, test, type Page } from "@playwright/test";
import { alive, becomes, kubectl, launch, picture, stateOf } from "./support";

test.use({ storageState: stateOf("ada") });
test.describe.configure({ mode: "serial" });

/** The field of a quota's form for a resource. */
const most = (page: Page, resource: string) => page.locator(`[name="hard:${resource}"]`);

/** Opens the form of a quota that counts the Pods of one class alone, so that no other test is touched. */
async function newQuota(page: Page, name: string, priority: string) {
  await page.goto("/quotas/default?edit=");
  await alive(page);
  await page.locator("form[data-form=quota] [name=name]").fill(name);
  await page.locator("form[data-form=quota] [name=class]").selectOption(priority);
}

test("an admin makes a class of runs and says who goes first", async ({ page }) => {
  await page.goto("/priorities?edit=");
  await alive(page);
  await page.locator("#priority-name").fill("measured");
  await page.locator("#priority-value").fill("1000000001");
  await page.getByRole("button", { name: "Set class" }).click();
  await expect(page.getByText("A value is at most 1,000,000,000").first()).toBeVisible();
  await expect(page.locator("#priority-name")).toHaveValue("measured");
  await page.locator("#priority-value").fill("500");
  await page.getByRole("button", { name: "Set class" }).click();
  await expect(page.getByText("measured is set")).toBeVisible();
  expect(kubectl("get", "priorityclass", "measured", "-o", "jsonpath={.value}")).toBe("500");

  await page.goto("/priorities?edit=measured");
  await alive(page);
  await page.locator("#priority-value").fill("600");
  await expect(page.getByText("This takes a replacement")).toBeVisible();
  await page.locator("#priority-replace").selectOption("yes");
  await page.getByRole("button", { name: "Set class" }).click();
  await expect(page.getByText("was deleted and made anew")).toBeVisible();
  expect(kubectl("get", "priorityclass", "measured", "-o", "jsonpath={.value}")).toBe("600");
  await picture(page, "priorities");
});

test("what a quota would break is said while it is typed, and what cannot be one beside its field", async ({ page, browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await launch(mina, "holds-cpu", { epochs: "100000", priority_class: "measured" });
  await becomes(mina, "running");

  await newQuota(page, "measured", "measured");
  await most(page, "requests.nvidia.com/gpu").fill("4.5");
  await expect(page.getByText("GPUs are whole").first()).toBeVisible();
  await most(page, "requests.nvidia.com/gpu").fill("4");
  await most(page, "requests.cpu").fill("500m");
  await expect(page.getByText(/nothing that runs is stopped, but nothing that asks for CPU, requested starts/)).toBeVisible();
  await expect(page.getByText(/holds-cpu \(mina\) holds 1 core/)).toBeVisible();
  await picture(page, "quota");
  await page.getByRole("button", { name: "Set quota" }).click();
  await expect(page.getByText("The quota measured is set")).toBeVisible();
  await page.goto("/quotas");
  await expect(page.getByText("over: nothing new starts").first()).toBeVisible();
  await picture(page, "quotas");

  await mina.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(mina, "stopped");
  await mina.context().close();
});

test("a second admin's change is shown, and what was typed stays", async ({ page }) => {
  await page.goto("/quotas/default?edit=measured");
  await alive(page);
  await most(page, "requests.nvidia.com/gpu").fill("6");
  kubectl("patch", "resourcequota", "measured", "-n", "default", "--type=merge", "-p", '{"spec":{"hard":{"requests.nvidia.com/gpu":"5"}}}');
  await page.getByRole("button", { name: "Set quota" }).click();
  await expect(page.getByText(/has changed it meanwhile/)).toBeVisible();
  await expect(most(page, "requests.nvidia.com/gpu")).toHaveValue("6");
  await picture(page, "quota-changed-meanwhile");
});

test("an engineer asks for more, and an admin gives it until a date", async ({ page, browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await mina.goto("/quotas/default");
  await alive(mina);
  await expect(mina.getByRole("button", { name: "New quota" })).toBeDisabled();
  const ask = mina.locator("form[data-form=ask]");
  await ask.locator("[name=of]").selectOption("measured/requests.cpu");
  await ask.locator("[name=amount]").fill("2");
  await ask.locator("[name=until]").fill(new Date(Date.now() + 86_400_000).toISOString().slice(0, 10));
  await ask.locator("[name=why]").fill("A deadline");
  await ask.getByRole("button", { name: "Ask" }).click();
  await expect(mina.getByText("Your request waits for an answer")).toBeVisible();
  await expect(mina.getByRole("button", { name: "Approve" })).toBeDisabled();

  await page.goto("/quotas/default");
  await alive(page);
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByText("granted by ada")).toBeVisible();
  expect(kubectl("get", "resourcequota", "measured", "-n", "default", "-o", "jsonpath={.spec.hard.requests\\.cpu}")).toBe("2500m");
  await page.getByRole("button", { name: "Take back now" }).click();
  await expect(page.getByText("was granted, and is taken back")).toBeVisible();
  expect(kubectl("get", "resourcequota", "measured", "-n", "default", "-o", "jsonpath={.spec.hard.requests\\.cpu}")).toBe("500m");
  await mina.context().close();
});

test("a most of GPUs without a limit is a trap that is said loudly", async ({ page }) => {
  await page.goto("/quotas/default");
  await alive(page);
  await page.getByText("Set limits").first().click();
  await page.locator('[name="max:nvidia.com/gpu"]').fill("4");
  await page.locator('[name="default:nvidia.com/gpu"]').fill("0");
  await page.locator('[name="default_request:nvidia.com/gpu"]').fill("0");
  await page.getByRole("button", { name: "Set limits" }).click();
  await expect(page.getByText("The limits team are set")).toBeVisible();
  await expect(page.getByText("Every container that asks for no GPU is given")).toHaveCount(0);
  await page.getByRole("button", { name: "Delete limits team" }).click();
  await expect(page.getByText("No limits: a container may ask")).toBeVisible();
});

test.afterAll(() => {
  kubectl("delete", "resourcequota", "measured", "-n", "default", "--ignore-not-found");
  kubectl("delete", "limitrange", "team", "-n", "default", "--ignore-not-found");
  kubectl("delete", "priorityclass", "measured", "--ignore-not-found");
});
