// The main job: launch the shipped example, watch it train, and find everything again when the cluster has forgotten it.
import { expect, test, type Page } from "@playwright/test";
import { becomes, kubectl, launch, picture, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

/** The line of the loss, once it has points. */
const lossCurve = (page: Page) => page.locator("[data-metric='train/loss'] path.stroke-series-1[d^='M']").first();

test("an engineer launches the shipped example, watches its loss, and keeps its metrics when the Job is gone", async ({ page }) => {
  await launch(page, "digits-1", { epochs: "60", tags: "example" });
  await becomes(page, "running");
  await expect(lossCurve(page)).toBeVisible();
  await picture(page, "run");
  await becomes(page, "succeeded");
  await expect(page.getByText("validation/accuracy").first()).toBeVisible();

  kubectl("delete", "job", "digits-1", "-n", "default", "--cascade=foreground");
  await expect.poll(() => kubectl("get", "pods", "-n", "default", "-l", "slipway.dev/team=default", "-o", "name")).not.toContain("digits-1");
  await page.reload();
  await becomes(page, "succeeded");
  await expect(lossCurve(page)).toBeVisible();
  await page.getByRole("link", { name: "Logs", exact: true }).click();
  await expect(page.getByText("Epoch 60 of 60")).toBeVisible();
});

test("a failing run shows its exit code, the reason in words and its last lines", async ({ page }) => {
  await launch(page, "missing-data", { data: "csv:/team/nowhere.csv", model: "mlp" });
  await becomes(page, "failed");
  await expect(page.getByRole("heading", { name: "Failed with exit code 66" })).toBeVisible();
  await expect(page.getByText(/data is not where the run looks/).first()).toBeVisible();
  await expect(page.getByText(/nowhere\.csv is not there/).first()).toBeVisible();
  await picture(page, "run-failed");
});

test("an engineer stops a run, which writes a checkpoint and ends", async ({ page }) => {
  await launch(page, "stopped", { epochs: "100000" });
  await becomes(page, "running");
  await expect(page.locator("[data-metric='train/loss']").first()).toBeVisible();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
  await expect(page.getByText(/Stopped by mina|stopped by mina/).first()).toBeVisible();
});

test("a run that no node can hold says why it waits", async ({ page }) => {
  await launch(page, "too-large", { gpu: "gpu", gpu_count: "64" });
  await becomes(page, "waiting");
  await expect(page.getByText(/Needs 64 × GPU on one node, and the largest, gpu-a, has 8 GPUs/).first()).toBeVisible();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
});

test("a refused form comes back filled in, with a sentence beside each field", async ({ page }) => {
  await page.goto("/runs/new");
  await page.locator("[name=name]").fill("Digits 1");
  await page.locator("[name=epochs]").fill("-3");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator("#name-error")).toContainText("A name has only a–z, 0–9 and dashes");
  await expect(page.locator("#epochs-error")).toContainText("Epochs is a whole number from 1");
  await expect(page.locator("[name=name]")).toHaveValue("Digits 1");
  await expect(page.locator("[name=epochs]")).toHaveValue("-3");
});

test("without a script the form launches as well, and comes back filled in when refused", async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: stateOf("mina") });
  const page = await context.newPage();
  await page.goto("/runs/new");
  await page.locator("[name=name]").fill("plain form");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page.locator("#name-error")).toContainText("A name has only a–z, 0–9 and dashes");
  await expect(page.locator("[name=name]")).toHaveValue("plain form");
  await page.locator("[name=name]").fill("plain-form");
  await page.locator("[name=epochs]").fill("1");
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}/);
  await expect.poll(async () => {
    await page.reload();
    return page.getByTestId("state").textContent();
  }, { timeout: 60_000 }).toMatch(/succeeded/);
});
