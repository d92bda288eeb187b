// The fleet: every GPU as it is cut, who holds what as far as one may know, and a node that takes no more.
import { expect, test } from "@playwright/test";
import { alive, becomes, cluster, kubectl, launch, picture, stateOf } from "./support";

test("a run is seen in its slice, by others its team alone", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await mina.goto("/nodes");
  await alive(mina);
  const totals = mina.getByRole("list", { name: "Held, of what is ready" });
  await expect(totals).toContainText("A100-SXM4-80GB 0/8");
  await expect(totals).toContainText("1g.5gb 0/3 (≈ 0.0 of 0.4 GPUs)");

  const watching = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await watching.goto("/nodes/gpu-b");
  await alive(watching);
  await launch(mina, "in-a-slice", { epochs: "300", gpu: "3g.20gb" });
  await becomes(mina, "running");
  const run = new URL(mina.url()).pathname;
  // The page that was open hears of it by itself.
  const gpus = watching.getByRole("region", { name: "GPUs" });
  await expect(gpus.getByRole("link", { name: "in-a-slice" }), cluster()).toHaveAttribute("href", run);
  await expect(gpus.getByText("mina · default")).toBeVisible();
  await expect(gpus.getByText(/fits 1g\.5gb/).first()).toBeVisible();

  const otto = await (await browser.newContext({ storageState: stateOf("otto") })).newPage();
  await otto.goto("/nodes/gpu-b");
  await expect(otto.getByRole("region", { name: "GPUs" }).getByText("default").first()).toBeVisible();
  await expect(otto.getByText("in-a-slice")).toHaveCount(0);
  await expect(otto.getByText("Of other teams: 1 Pod of default")).toBeVisible();

  await mina.getByRole("button", { name: "Stop" }).click();
  await expect(gpus.getByRole("link", { name: "in-a-slice" })).toHaveCount(0);
});

test("how busy a run's slice is, is seen as it is measured", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  const watching = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await watching.goto("/nodes/gpu-b");
  await alive(watching);
  await launch(mina, "keeps-busy", { epochs: "100000", gpu: "7g.40gb" });
  await becomes(mina, "running");
  const row = watching.getByRole("region", { name: "Utilisation" }).getByRole("row").filter({ hasText: "keeps-busy" });
  // Prometheus looks every 5 s, Slipway every 15 s; the page that was open hears of it by itself.
  await expect(row, cluster()).toContainText(/GPU 1, 7g\.40gb \(instance 0\).*[1-9][0-9]* % active/, { timeout: 60_000 });
  await expect(row).toContainText(/MiB of 39\.[0-9] GiB/);
  await picture(watching, "utilisation");
  await mina.goto("/nodes");
  await expect(mina.getByRole("row").filter({ hasText: "gpu-b" }).getByText(/% active$/)).toBeVisible();
  await picture(mina, "nodes-measured");
  await watching.goto("/nodes/cpu-a");
  await expect(watching.getByRole("region", { name: "Utilisation" })).toHaveCount(0);

  await mina.goto("/runs");
  await mina.getByRole("link", { name: "keeps-busy" }).first().click();
  await mina.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(mina, "stopped");
});

test("filters are in the URL and work without a script", async ({ browser }) => {
  const page = await (await browser.newContext({ storageState: stateOf("mina"), javaScriptEnabled: false })).newPage();
  await page.goto("/nodes");
  await page.getByLabel("Product").selectOption("A100-SXM4-40GB");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(page).toHaveURL(/product=A100-SXM4-40GB/);
  await expect(page.getByRole("link", { name: "gpu-b" })).toBeVisible();
  await expect(page.getByRole("link", { name: "gpu-a" })).toHaveCount(0);
});

test("filters follow the typing", async ({ browser }) => {
  const page = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await page.goto("/nodes");
  await alive(page);
  await page.getByLabel("Name contains…").fill("cpu");
  await expect(page).toHaveURL(/name=cpu/);
  await expect(page.getByRole("link", { name: "cpu-a" })).toBeVisible();
  await expect(page.getByRole("link", { name: "gpu-a" })).toHaveCount(0);
  await page.getByRole("link", { name: "Clear filters" }).click();
  await expect(page.getByRole("link", { name: "gpu-a" })).toBeVisible();
});

test("a platform admin cordons a node; an engineer is told whom to ask", async ({ browser }) => {
  const mina = await (await browser.newContext({ storageState: stateOf("mina") })).newPage();
  await mina.goto("/nodes/gpu-h");
  await expect(mina.getByRole("button", { name: "Cordon", exact: true })).toBeDisabled();
  await expect(mina.getByText("Only a platform admin may change the nodes; ask one")).toBeVisible();

  const ada = await (await browser.newContext({ storageState: stateOf("ada") })).newPage();
  await ada.goto("/nodes/gpu-h");
  await alive(ada);
  await ada.getByRole("button", { name: "Cordon", exact: true }).click();
  await expect(ada.getByRole("button", { name: "Uncordon" })).toBeVisible();
  expect(kubectl("get", "node", "gpu-h", "-o", "jsonpath={.spec.unschedulable}")).toBe("true");
  await ada.getByRole("button", { name: "Uncordon" }).click();
  await expect(ada.getByRole("button", { name: "Cordon", exact: true })).toBeVisible();
});
