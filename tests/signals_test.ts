import { onSignal } from "../lib/signals.ts";
import { within } from "./support/deadline.ts";
import { test } from "./support/test.ts";

const IS_WINDOWS = Deno.build.os === "windows";

test("onSignal does nothing for a signal that this system does not have", () => {
  onSignal(IS_WINDOWS ? "SIGCONT" : "SIGBREAK", () => {})();
});

if (!IS_WINDOWS) {
  test("onSignal calls the function at each signal", async () => {
    for (let i = 0; i < 2; i++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const stop = onSignal("SIGCONT", resolve);
      Deno.kill(Deno.pid, "SIGCONT");
      await within(promise, () => "The function was not called");
      stop();
    }
  });
}
