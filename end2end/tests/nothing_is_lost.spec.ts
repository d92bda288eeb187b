// The server and the node agent are killed while a run trains: it goes on, and nothing of it is lost or doubled.
import { expect, test } from "@playwright/test";
import { becomes, launch, processes, stack, stateOf } from "./support";

test.use({ storageState: stateOf("mina") });

test("a run survives the server and the node agent being killed", async ({ page, request }) => {
  // Every number that it prints is there once, in order, if nothing was lost and nothing doubled.
  const count = 400;
  await launch(page, "survivor", {
    program: "command",
    image: "busybox:1",
    command: `sh\n-c\ni=0; while [ $i -lt ${count} ]; do echo number $i; i=$((i+1)); sleep 0.05; done`,
  });
  await becomes(page, "running");
  const id = new URL(page.url()).pathname.split("/")[2];

  const agents = processes(`agent --.*${stack.data}`);
  expect(agents.length).toBeGreaterThan(0);
  for (const agent of agents) process.kill(agent, "SIGKILL");
  const servers = processes(`slipway-server serve --listen ${new URL(stack.url).host}`);
  expect(servers.length).toBeGreaterThan(0);
  for (const server of servers) process.kill(server, "SIGKILL");

  await expect.poll(async () => request.get("/healthz").then((answer) => answer.status(), () => 0), { timeout: 30_000 }).toBe(200);
  await page.goto(`/runs/${id}`);
  await becomes(page, "succeeded");
  const log = await (await request.get(`/runs/${id}/log`)).text();
  const numbers = log.split("\n").map((line) => /number (\d+)/.exec(line)?.[1]).filter((number) => number !== undefined).map(Number);
  expect(numbers).toEqual(Array.from({ length: count }, (_, number) => number));
});
