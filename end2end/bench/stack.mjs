// The stack that a script of the bench looks at, as `cargo xtask bench` names it in the environment.
import { spawn } from "node:child_process";
import { once } from "node:events";

const { SLIPWAY_ADMIN_LINK, SLIPWAY_KUBECONFIG_ADMIN, SLIPWAY_KUBERNETES } = process.env;
const password = "correct horse battery staple";

/** Signs the first admin in, by the one-time link. */
export async function signIn(page) {
  await page.goto(SLIPWAY_ADMIN_LINK);
  await page.getByLabel("Name", { exact: true }).fill("ada");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByLabel("Password again").fill(password);
  await page.getByRole("button", { name: "Set password and sign in" }).click();
  await page.getByRole("heading", { name: "Runs", exact: true }).waitFor();
}

/** The API server without TLS and credentials, which belong to no figure: a process to be killed, and a port of this machine. */
export async function proxy() {
  const child = spawn(SLIPWAY_KUBERNETES, ["kubectl", "--kubeconfig", SLIPWAY_KUBECONFIG_ADMIN, "proxy", "--port=0"]);
  const [said] = await once(child.stdout, "data");
  return { child, port: Number(/127\.0\.0\.1:(\d+)/.exec(String(said))[1]) };
}
