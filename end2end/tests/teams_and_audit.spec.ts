// Teams are made and filled by those who may, and everything that was done is in the audit log.
import { expect, test } from "@playwright/test";
import { alive, kubectl, stack, stateOf } from "./support";

test("the admin makes a team, fills it, and the cluster has it", async ({ page }) => {
  await page.goto("/teams");
  await alive(page);
  const form = page.locator("form[data-form=team]");
  await form.getByLabel("Name").fill("kube-vision");
  await form.getByRole("button", { name: "Make the team" }).click();
  await expect(page.getByText(/begin with kube- are Kubernetes's own/)).toBeVisible();
  await expect(form.getByLabel("Name")).toHaveValue("kube-vision");
  await alive(page);

  await form.getByLabel("Name").fill("vision");
  await form.getByRole("button", { name: "Make the team" }).click();
  await expect(page).toHaveURL(/\/teams\/vision$/);
  await alive(page);
  await expect(page.getByText("prepared", { exact: true })).toBeVisible();
  expect(kubectl("get", "rolebindings", "-n", "vision", "-o", "name")).toContain("slipway-engineer");

  const add = page.locator("form[data-form=member]");
  await add.getByLabel("Name").fill("otto");
  await add.getByLabel("Role").selectOption("engineer");
  await add.getByRole("button", { name: "Add to the team" }).click();
  await expect(page.getByLabel("Role of otto")).toHaveValue("engineer");
  await alive(page);
  const saved = page.waitForResponse((answer) => answer.url().includes("/api/people/role") && answer.ok());
  await page.getByLabel("Role of otto").selectOption("approver");
  await saved;
  await page.reload();
  await expect(page.getByLabel("Role of otto")).toHaveValue("approver");
});

test("what was done is in the audit log, and is found by its filters", async ({ page }) => {
  await page.goto("/audit?subject=otto+in+vision");
  await alive(page);
  const entry = page.locator("tbody[data-entry]").first();
  await expect(entry).toContainText("give a role");
  await expect(entry).toContainText("done");
  await entry.getByText("What was changed").click();
  await expect(entry.locator("pre")).toContainText('− removed: "engineer"');
  await expect(entry.locator("pre")).toContainText('+ added: "approver"');

  await page.getByRole("button", { name: "Verify now" }).click();
  await expect(page.getByText(/Chain verified up to row/)).toBeVisible();
  await page.getByLabel("Who").fill("nobody-at-all");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page.getByText("No entry fits")).toBeVisible();
  await page.getByRole("link", { name: "Clear filters" }).click();

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "Export JSON lines" }).click()]);
  expect(download.suggestedFilename()).toBe("audit.jsonl");
});

test("whoever is no admin finds neither, and is told whom to ask", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await mina.goto("/runs");
  await expect(mina.getByRole("link", { name: "Teams" })).toHaveCount(0);
  for (const path of ["/teams", "/teams/default", "/audit", "/audit?team=default"]) {
    const answer = await mina.goto(path);
    expect(answer?.status(), path).toBe(403);
    await expect(mina.getByText(/; ask ada/)).toBeVisible();
  }
});

test("without a script a team's people are managed all the same", async ({ browser }) => {
  const page = await (await browser.newContext({ baseURL: stack.url, javaScriptEnabled: false, storageState: stateOf("ada") })).newPage();
  await page.goto("/teams/vision");
  await page.getByLabel("Role of otto").selectOption("");
  await page.locator("tr", { hasText: "otto" }).getByRole("button", { name: "Set" }).click();
  await expect(page).toHaveURL(/\/teams\/vision$/);
  await expect(page.getByText("Nobody is in this team yet")).toBeVisible();
});
