// An admin has a node's GPUs cut anew, sees who has to move, watches it be done, and finds it again by its URL.
import { expect, test } from "@playwright/test";
import { alive, becomes, cluster, kubectl, launch, picture, stateOf } from "./support";

const PAGE = "/nodes/gpu-b/layout";

test.afterEach(() => {
  kubectl("uncordon", "gpu-b");
});

test("a node is cut anew, the run there moves, and the page tells it step by step", async ({ page, browser }) => {
  test.setTimeout(240_000);
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await launch(mina, "in-the-way", { program: "command", image: "busybox:1", command: "sh\n-c\nsleep 600", gpu: "2g.10gb" });
  await becomes(mina, "running");

  await page.goto("/nodes/gpu-b");
  await alive(page);
  await page.getByRole("link", { name: "Cut GPUs anew…" }).click();
  await expect(page.getByRole("heading", { name: "Layout of gpu-b" })).toBeVisible();
  await page.locator("[name=config][value=all-balanced]").check();
  await page.getByRole("button", { name: "Show what would happen" }).click();
  await expect(page).toHaveURL(/config=all-balanced/);
  const plan = page.getByRole("region", { name: "What would happen" });
  await expect(plan).toContainText("gpu-b is cordoned: no new Pod comes to it");
  await expect(plan.getByRole("link", { name: "in-the-way" })).toBeVisible();
  await picture(page, "layout-plan");
  await plan.getByRole("button", { name: "Cut the GPUs of gpu-b" }).click();

  const progress = page.getByRole("region", { name: "Progress" });
  await expect(progress).toContainText("Re-layout under way");
  await expect(progress.getByRole("button", { name: "Abort" })).toBeVisible();
  await picture(page, "layout-progress");
  // It goes on without the page, and is found again by its URL.
  await page.goto("/runs");
  await page.goto(PAGE);
  const history = page.getByRole("region", { name: "History" });
  await expect(history, cluster()).toContainText("Done: the GPUs are cut so", { timeout: 120_000 });
  expect(kubectl("get", "node", "gpu-b", "-o", String.raw`jsonpath={.status.allocatable.nvidia\.com/mig-3g\.20gb}`)).toBe("4");
  expect(kubectl("get", "node", "gpu-b", "-o", "jsonpath={.spec.unschedulable}")).toBe("");
  await picture(page, "layout-done");

  await mina.getByRole("button", { name: "Stop", exact: true }).click();
  await page.goto(`${PAGE}?config=mixed-cut&drain=wait`);
  await page.getByRole("button", { name: "Cut the GPUs of gpu-b" }).click();
  await expect(history.getByText("Done: the GPUs are cut so")).toHaveCount(2, { timeout: 120_000 });
});

test("a layout that no card can hold comes back as it was written, with the reason", async ({ page }) => {
  await page.goto(PAGE);
  await alive(page);
  await page.locator("[name=config][value='/own']").check();
  const layout = "8 x 1g.5gb\nwhole\nwhole\nwhole";
  await page.locator("[name=layout]").fill(layout);
  await page.getByRole("button", { name: "Show what would happen" }).click();
  await expect(page.getByText("takes 8 compute slices, and a GPU has 7")).toBeVisible();
  await expect(page.locator("[name=layout]")).toHaveValue(layout);
  await expect(page.getByRole("button", { name: "Cut the GPUs of gpu-b" })).toHaveCount(0);
});

test("one that waits is aborted, and the run there never notices", async ({ page, browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await launch(mina, "stays", { program: "command", image: "busybox:1", command: "sh\n-c\nsleep 600", gpu: "2g.10gb" });
  await becomes(mina, "running");
  await page.goto(`${PAGE}?config=all-disabled&drain=wait`);
  await page.getByRole("button", { name: "Cut the GPUs of gpu-b" }).click();
  const progress = page.getByRole("region", { name: "Progress" });
  await expect(progress).toContainText("still hold");
  await progress.getByRole("button", { name: "Abort" }).click();
  await expect(page.getByRole("region", { name: "History" })).toContainText("Aborted at the step “empty”");
  await becomes(mina, "running");
  await mina.getByRole("button", { name: "Stop", exact: true }).click();
});

test("an engineer is told whom to ask", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await mina.goto("/nodes/gpu-b");
  await expect(mina.getByRole("button", { name: "Cut GPUs anew…" })).toBeDisabled();
  const answer = await mina.goto(PAGE);
  expect(answer?.status()).toBe(403);
  await expect(mina.getByText(/Only a platform admin may change the nodes; ask/)).toBeVisible();
});
