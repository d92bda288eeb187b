// What the tests know of the stack beside its pages, and sentences that several of them say.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, type Page } from "@playwright/test";

const need = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run the browser tests with \`cargo xtask test browser\``);
  return value;
};

export const stack = {
  url: need("SLIPWAY_URL"),
  link: need("SLIPWAY_ADMIN_LINK"),
  data: need("SLIPWAY_DATA"),
};

export const password = "correct horse battery staple";
export const stateOf = (person: string) => `test-results/state/${person}.json`;

/** Looks into the cluster as its administrator. */
export function kubectl(...args: string[]): string {
  return execFileSync(need("SLIPWAY_KUBERNETES"), ["kubectl", "--kubeconfig", need("SLIPWAY_KUBECONFIG_ADMIN"), ...args], { encoding: "utf8" });
}

/** What the cluster looks like: for a test that has failed. */
export function cluster(): string {
  try {
    return `${kubectl("get", "jobs,pods", "-A", "-o", "wide")}\n${kubectl("get", "events", "-A", "--sort-by=.lastTimestamp")}`;
  } catch (error) {
    return `the cluster cannot be looked at: ${error}`;
  }
}

/** Process ids of those whose command line matches. */
export function processes(pattern: string): number[] {
  try {
    return execFileSync("pgrep", ["-f", pattern], { encoding: "utf8" }).trim().split("\n").map(Number);
  } catch {
    return [];
  }
}

export async function signIn(page: Page, name: string) {
  await page.goto("/sign-in");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect(page.getByRole("heading", { name: "Runs", exact: true })).toBeVisible();
}

/** Fills in the New run form and launches; the page is then the run's. */
export async function launch(page: Page, name: string, fields: Record<string, string> = {}) {
  await page.goto("/runs/new");
  await alive(page);
  await page.locator("[name=name]").fill(name);
  for (const [field, value] of Object.entries(fields)) {
    const input = page.locator(`[name=${field}]`).first();
    const kind = await input.evaluate((element) => `${element.tagName} ${element.getAttribute("type") ?? ""}`);
    if (kind.startsWith("SELECT")) await input.selectOption(value);
    else if (kind.endsWith("radio")) await page.locator(`[name=${field}][value="${value}"]`).check();
    else await input.fill(value);
  }
  await page.getByRole("button", { name: "Launch" }).click();
  await expect(page).toHaveURL(/\/runs\/[0-9a-f-]{36}/);
  await expect(page.getByRole("heading", { name })).toBeVisible();
}

/** Waits until the script has taken the page over. */
export async function alive(page: Page) {
  await page.waitForFunction(() => document.documentElement.dataset.alive === "true");
}

/** Waits until a run's page says this of its state. */
export async function becomes(page: Page, state: string, timeout = 90_000) {
  try {
    await expect(page.getByTestId("state")).toHaveText(new RegExp(state), { timeout });
  } catch (error) {
    throw new Error(`${error}\n${cluster()}`);
  }
}

/** Keeps a picture for the README and for whoever reviews a change. */
export async function picture(page: Page, name: string) {
  const folder = "test-results/pictures";
  mkdirSync(folder, { recursive: true });
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.screenshot({ path: join(folder, `${name}-${scheme}.png`), animations: "disabled" });
  }
  await page.emulateMedia({ colorScheme: "light" });
}
