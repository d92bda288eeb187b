// Why is it pending? One sentence with its arithmetic, the evidence folded under it, and a way out as a button; and who made way
// for whom.
import { expect, test } from "@playwright/test";
import { alive, becomes, kubectl, launch, picture, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

const why = "[data-testid=why]";

test("a run that is too wide for any node says so with numbers, shows each node, and offers a shape that exists", async ({ page }) => {
  await launch(page, "too-wide", { gpu: "gpu", gpu_count: "16" });
  await becomes(page, "waiting");
  await expect(page.locator(why)).toHaveText(/^Needs 16 × GPU on one node, and the largest, gpu-a, has 8 GPUs in all$/);
  const folded = page.getByText("What Kubernetes says");
  await expect(page.getByText("only 8 GPUs in all")).toBeHidden();
  await folded.click();
  await expect(page.getByText("only 8 GPUs in all")).toBeVisible();
  await expect(page.getByText(/nodes are available/)).toBeVisible();
  await picture(page, "why-pending");
  await page.setViewportSize({ width: 390, height: 844 });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow).toBeLessThanOrEqual(0);
  await page.getByRole("link", { name: "Clone with 8 × GPU" }).click();
  await alive(page);
  await expect(page.locator("[name=gpu_count]")).toHaveValue("8");
  await page.goBack();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
});

test("a run whose GPUs another run of mine holds offers to stop that one", async ({ page }) => {
  await launch(page, "holds-it", { program: "command", image: "busybox:1", command: "sh\n-c\nsleep 600", gpu: "7g.40gb", gpu_count: "1" });
  await becomes(page, "running");
  await launch(page, "wants-it", { program: "command", image: "busybox:1", command: "sh\n-c\ntrue", gpu: "7g.40gb", gpu_count: "1" });
  await becomes(page, "waiting");
  await expect(page.locator(why)).toHaveText(/^Needs 1 × 7g\.40gb; default holds 1 of 1 on gpu-b/);
  // A step within the page's own script, from one run to another.
  await page.evaluate(() => document.documentElement.setAttribute("data-same", "true"));
  await page.getByRole("link", { name: "Stop my run holds-it…" }).click();
  await expect(page.getByRole("heading", { name: "Stop holds-it?" })).toBeVisible();
  await expect(page.locator("html[data-same=true]")).toHaveCount(1);
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await becomes(page, "stopped");
  await page.getByRole("link", { name: "Runs", exact: true }).click();
  await page.getByRole("link", { name: "wants-it" }).click();
  await becomes(page, "succeeded");
});

test("a run that made way for another and the one it made way for name each other", async ({ page }) => {
  kubectl("create", "priorityclass", "e2e-urgent", "--value=1000");
  await launch(page, "goes", { program: "command", image: "busybox:1", command: "sh\n-c\nsleep 600", gpu: "7g.40gb", gpu_count: "1" });
  await becomes(page, "running");
  // Kubernetes counts whole seconds: within the first, no work is lost.
  await becomes(page, "running\\s*([2-9] s|\\d\\d s|\\d+ m)");
  const went = page.url();
  await launch(page, "comes", {
    program: "command", image: "busybox:1", command: "sh\n-c\nsleep 600", gpu: "7g.40gb", gpu_count: "1", priority_class: "e2e-urgent",
  });
  await becomes(page, "running");
  await expect(page.getByText(/Displaced goes of default/)).toBeVisible();
  await page.getByRole("link", { name: "goes", exact: true }).click();
  await expect(page).toHaveURL(went);
  await expect(page.getByText(/Displaced by comes of default on gpu-b/)).toBeVisible();
  await expect(page.getByText(/GPU-equivalent hours lost since it began/)).toBeVisible();
  await picture(page, "displaced");
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
  await page.getByRole("link", { name: "comes", exact: true }).click();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
});
