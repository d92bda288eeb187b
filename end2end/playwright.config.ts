// One stack, started by `cargo xtask test`, for all tests; one worker, because two cores also run Kubernetes and the training.
import { defineConfig } from "@playwright/test";

export default defineConfig({
  testDir: "tests",
  workers: 1,
  fullyParallel: false,
  retries: 0,
  forbidOnly: !!process.env.CI,
  timeout: 120_000,
  expect: { timeout: 30_000 },
  reporter: [["list"]],
  outputDir: "test-results",
  use: {
    baseURL: process.env.SLIPWAY_URL,
    viewport: { width: 1440, height: 900 },
    screenshot: "only-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
  },
  projects: [
    { name: "first start", testMatch: /first_start\.setup\.ts/ },
    { name: "chromium", testMatch: /\.spec\.ts/, dependencies: ["first start"], use: { storageState: "test-results/state/ada.json" } },
  ],
});
