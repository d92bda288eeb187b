// What comes from outside is shown as what it is, and what is away is said: nothing breaks a page.
import { expect, test } from "@playwright/test";
import { becomes, launch, processes, stack, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

/** A run of a shell script. */
const script = (text: string) => ({ program: "command", image: "busybox:1", command: `sh\n-c\n${text.replaceAll("\n", " ")}` });

test("what a program prints is text: no HTML, no escape code, no byte of it does anything", async ({ page }) => {
  const lines = String.raw`printf '<img src=x onerror="document.title=1">\n\033[31mred\033[0m\n\377\376 bytes\nevil\342\200\256exe\n'`;
  await launch(page, "speaks-html", script(lines));
  await becomes(page, "succeeded");
  await page.getByRole("link", { name: "Logs", exact: true }).click();
  const log = page.getByRole("region", { name: "Log lines" });
  await expect(log).toContainText('<img src=x onerror="document.title=1">');
  await expect(log).toContainText("red");
  await expect(log).not.toContainText("[31m");
  await expect(log).toContainText("�� bytes");
  await expect(log).toContainText("evil‹U+202E›exe");
  await expect(log.locator("img")).toHaveCount(0);
  expect(await page.title()).not.toBe("1");
});

test("a line of twenty megabytes is cut, and what comes after it is there", async ({ page, request }) => {
  await launch(page, "speaks-long", script("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo after"));
  await becomes(page, "succeeded");
  await page.getByRole("link", { name: "Logs", exact: true }).click();
  const log = page.getByRole("region", { name: "Log lines" });
  await expect(log).toContainText("after");
  await expect(log).toContainText(/characters; download the log to see them/);
  const id = new URL(page.url()).pathname.split("/")[2];
  const text = await (await request.get(`/runs/${id}/log`)).text();
  expect(text.length).toBeLessThan(200_000);
});

test("a metric that is no number is shown as such, and the curve goes on", async ({ page }) => {
  const value = (step: number, value: string) => `echo '{"slipway":"metric","step":${step},"time":17000000000${step}0,"values":{"train/loss":${value}}}';`;
  await launch(page, "speaks-nan", script(`${value(1, "1.5")} ${value(2, "NaN")} ${value(3, '"Infinity"')} ${value(4, "0.5")} echo '{"slipway":"metric","step":';`));
  await becomes(page, "succeeded");
  const chart = page.locator("[data-metric='train/loss']");
  await expect(chart.getByText("✕").first()).toBeVisible();
  await expect(chart).toContainText("0.5000 · step 4");
  await expect(chart.locator("path.stroke-series-1").first()).not.toHaveAttribute("d", /NaN|inf/i);
  await page.getByRole("link", { name: "Logs", exact: true }).click();
  await expect(page.getByRole("region", { name: "Log lines" })).toContainText('{"slipway":"metric","step":');
});

test("while the API server is away, pages say as of when they are, and go on when it is back", async ({ page }) => {
  await launch(page, "before-the-outage", script("sleep 300"));
  await becomes(page, "running");
  // Whoever would start it again is held for so long.
  const [keeper] = processes(`sandbox up --data ${stack.data}`);
  const [server] = processes(`^apiserver .*${stack.data}`);
  process.kill(keeper, "SIGSTOP");
  process.kill(server, "SIGKILL");
  try {
    await page.goto("/runs");
    await expect(page.getByText(/as of \d\d:\d\d:\d\d/i).first()).toBeVisible({ timeout: 60_000 });
    await expect(page.getByRole("link", { name: "before-the-outage" })).toBeVisible();
    await page.getByRole("link", { name: "before-the-outage" }).click();
    await becomes(page, "running");
    await page.getByRole("button", { name: "Stop", exact: true }).click();
    await expect(page.getByRole("alert").first()).toContainText(/cluster/i);
  } finally {
    process.kill(keeper, "SIGCONT");
  }
  await expect(page.getByText(/as of \d\d:\d\d:\d\d/i)).toHaveCount(0, { timeout: 60_000 });
  await page.reload();
  const stop = page.getByRole("button", { name: "Stop", exact: true });
  if (await stop.isEnabled()) await stop.click();
  await becomes(page, "stopped");
});

test("an engineer suspends a run, resumes it, and launches a copy", async ({ page }) => {
  await launch(page, "copied-1", script("sleep 300"));
  await becomes(page, "running");
  await page.getByRole("button", { name: "Suspend" }).click();
  await becomes(page, "suspended");
  await page.getByRole("button", { name: "Resume" }).click();
  await becomes(page, "running");
  await page.getByRole("link", { name: "Clone" }).click();
  await expect(page.locator("[name=name]")).toHaveValue("copied-2");
  await expect(page.locator("[name=command]")).toHaveValue("sh\n-c\nsleep 300");
  await page.goBack();
  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await becomes(page, "stopped");
  await page.getByRole("link", { name: "Delete…" }).click();
  await expect(page.getByRole("link", { name: "Leave it as it is" })).toBeFocused();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page).toHaveURL(/\/runs$/);
  await expect(page.getByRole("link", { name: "copied-1" })).toHaveCount(0);
});
