// The answer beside the New run form: said while typing, by the browser itself, and by the server where no script runs.
import { expect, test, type Page } from "@playwright/test";
import { alive, kubectl, launch, becomes, picture, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

/** The line that says what it comes to. */
const answer = (page: Page) => page.locator("section[aria-label='What will be applied'] [role=status]");

const fill = async (page: Page, fields: Record<string, string>) => {
  for (const [field, value] of Object.entries(fields)) {
    const input = page.locator(`[name=${field}]`).first();
    if ((await input.evaluate((element) => element.tagName)) === "SELECT") await input.selectOption(value);
    else await input.fill(value);
  }
};

test("the form says while typing where it runs, what it waits for, and what would run instead", async ({ page }) => {
  await page.goto("/runs/new");
  await alive(page);
  await expect(answer(page)).toContainText("Runs now on");
  await fill(page, { gpu: "gpu", gpu_count: "9", gpu_product: "NVIDIA-A100-SXM4-80GB" });
  await expect(answer(page)).toHaveText("Waits: needs 9 × A100-SXM4-80GB on one node; the largest, gpu-a, has 8");
  await picture(page, "will-it-run");
  await page.getByRole("button", { name: "Ask for that" }).click();
  await expect(answer(page)).toContainText("Runs now on gpu-a");
  await expect(page.locator("[name=gpu_count]")).not.toHaveValue("9");
});

test("the browser answers by itself: no key costs a request for the answer", async ({ page }) => {
  await page.goto("/runs/new");
  await alive(page);
  await page.waitForResponse(/\/api\/runs\/picture/);
  await page.route("**/api/runs/preview", (route) => route.abort());
  await fill(page, { cpu: "4096" });
  await expect(answer(page)).toContainText("Waits: needs 4096 CPU on one node");
});

test("whom it would displace is named, and what changes in the cluster changes the answer", async ({ page }) => {
  kubectl("create", "priorityclass", "will-it-run", "--value=1000");
  try {
    await launch(page, "stands-there", { gpu: "gpu", gpu_count: "8", gpu_product: "NVIDIA-A100-SXM4-80GB", epochs: "100000" });
    await becomes(page, "running");
    await page.goto("/runs/new");
    await alive(page);
    await fill(page, { gpu: "gpu", gpu_count: "8", gpu_product: "NVIDIA-A100-SXM4-80GB" });
    await expect(answer(page)).toHaveText("Waits: needs 8 × A100-SXM4-80GB; gpu-a has 0 of 8 free, team default holds 8");
    await fill(page, { priority_class: "will-it-run" });
    await expect(answer(page)).toContainText("Runs on gpu-a once it has displaced stands-there of default");
    await picture(page, "will-it-run-displaces");
    kubectl("delete", "job", "stands-there", "-n", "default", "--cascade=foreground");
    await expect(answer(page)).toContainText("Runs now on gpu-a");
  } finally {
    kubectl("delete", "priorityclass", "will-it-run");
  }
});

test.describe("without a script", () => {
  test.use({ javaScriptEnabled: false });

  test("the answer comes with the page, and the button fills in what would run", async ({ page }) => {
    await page.goto("/runs/new");
    await fill(page, { gpu: "gpu", gpu_count: "9", gpu_product: "NVIDIA-A100-SXM4-80GB" });
    await page.getByRole("button", { name: "Show what will be applied" }).click();
    await expect(answer(page)).toContainText("Waits: needs 9 × A100-SXM4-80GB");
    await page.getByRole("button", { name: "Ask for that" }).click();
    await expect(answer(page)).toContainText("Runs now on gpu-a");
  });
});
